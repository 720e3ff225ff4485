import { type Clock, startTimer, systemClock } from "../../lib/time.ts"
import { createFairQueue } from "./fair-queue.ts"
import { createTokenBucket } from "./token-bucket.ts"
import { createUsefulRequests } from "./useful-requests.ts"

/** The right to one request: one simultaneous connection to Mailchimp, from its start until it is disposed of. */
export type Permit = Disposable & {
  /** The request succeeded: permits that were taken away grow back, one for each round of successes. */
  succeeded(): void
  /** Mailchimp throttled the request: half of the permits are taken away. */
  throttled(): void
  /**
   * The request timed out. Mailchimp may still be working on it, so the permit is kept until Mailchimp's own time-out:
   * {@link mailchimpTimeoutMs} after the request began.
   */
  timedOut(): void
}

/** What a request waits for: a permit (a free connection), or a token (Mailchimp's rate limit). */
type WaitReason = "permit" | "rate_limit"

/** An export, or other piece of work, that shares a limiter with others. */
export type Flow = {
  /**
   * Waits for a permit and a token. Flows are served in turn, and within a flow first come, first served. Rejects with the
   * signal's reason when it aborts, and leaves nothing behind.
   *
   * @param patienceMs the longest pause of the whole limiter to wait for
   * @throws {LimiterPaused} if a pause lasts longer
   */
  acquire(signal: AbortSignal, patienceMs?: number): Promise<Permit>
  /** What the flow waits for now; undefined if it does not wait. */
  waitingFor(): WaitReason | undefined
  /**
   * How many more requests could start at once and be useful: there are permits and tokens for them, and the requests in
   * progress do not use the whole rate already, as a few do if responses are fast. Until the duration of a request is known,
   * it is assumed to be `unknownMs`, by default infinite.
   */
  spare(unknownMs?: number): number
  /** Stops new requests of all flows, for ten minutes at most: Mailchimp requested it, or is throttling. */
  pause(ms: number): void
  /** The flow has ended. A limiter is dropped after its last flow has left and it has rested. */
  leave(): void
}

/** The state of a limiter, for metrics. */
type LimiterState = {
  /** The current number of permits: fewer than the maximum after throttling. */
  readonly permits: number
  /** Permits held by requests. */
  readonly inUse: number
  /** Permits kept for requests that timed out. */
  readonly kept: number
  readonly waiting: number
  readonly flows: number
  /** How much longer a pause lasts, in milliseconds; 0 if there is none. */
  readonly pausedMs: number
}

export type Limiter = {
  join(): Flow
  state(): LimiterState
  /** Whether nothing uses the limiter, and a new one would behave the same. */
  isRested(): boolean
}

/** The limiter is paused for longer than a request would wait. */
export class LimiterPaused extends Error {
  override readonly name = "LimiterPaused"
  readonly pausedMs: number

  constructor(pausedMs: number) {
    super(`Paused for ${Math.ceil(pausedMs)} ms`)
    this.pausedMs = pausedMs
  }
}

/** Mailchimp ends a call after 120 s. Until then a request that we gave up may hold one of the user's connections. */
const mailchimpTimeoutMs = 120_000

/** One odd Retry-After must not lock an account out for a day. */
const longestPauseMs = 600_000

/** Older throttling says nothing about how many connections Mailchimp can take now. */
const throttlingForgottenMs = 60_000

export type LimiterOptions = {
  /** Simultaneous connections: Mailchimp allows ten per user, and responds with 429 beyond. */
  readonly permits?: number
  /** How many requests may start at once after a rest. */
  readonly tokens?: number
  readonly refillPerSecond?: number
  readonly clock?: Clock
}

type Waiter = { grant(): void; refuse(error: LimiterPaused): void; readonly patientUntilMs: number }

/**
 * Limits this process's requests on behalf of one Mailchimp user: each request holds a permit, and in any t seconds at most
 * `tokens + refillPerSecond * t` requests start.
 *
 * Mailchimp counts requests as they arrive, possibly closer together than they started. So the bucket holds one token fewer
 * than promised: the bound holds at Mailchimp if arrivals vary by less than the time in which a token is refilled.
 */
export function createLimiter(options: LimiterOptions = {}): Limiter {
  const { permits: maxPermits = 10, tokens = 10, refillPerSecond = 10, clock = systemClock } = options
  const capacity = Math.max(1, tokens - 1)
  const bucket = createTokenBucket({ capacity, refillPerSecond, monotonicMs: clock.monotonicMs })
  const useful = createUsefulRequests(refillPerSecond)
  const queue = createFairQueue<Flow, Waiter>()
  const flows = new Set<Flow>()
  const keptUntilMs = new Set<{ readonly ms: number }>()
  const underWay = new Set<{ readonly startedAtMs: number }>()
  let permits = maxPermits
  let pausedUntilMs = -Infinity
  let shrunkAtMs = -Infinity
  let alarm: Disposable | undefined

  const pausedMs = () => Math.max(0, pausedUntilMs - clock.monotonicMs())

  const keptPermits = () => {
    for (const kept of keptUntilMs) if (kept.ms <= clock.monotonicMs()) keptUntilMs.delete(kept)
    return keptUntilMs.size
  }

  const freePermits = () => Math.max(0, Math.floor(permits) - underWay.size - keptPermits())

  const oldestMs = () => {
    const [oldest] = underWay
    return oldest === undefined ? 0 : clock.monotonicMs() - oldest.startedAtMs
  }

  /** Milliseconds until the next request may start; Infinity if it depends on the end of another request. */
  const blockedMs = () => {
    if (pausedMs() > 0) return pausedMs()
    if (freePermits() > 0) return bucket.waitMs()
    const firstKept = Math.min(...[...keptUntilMs].map(({ ms }) => ms))
    return firstKept - clock.monotonicMs()
  }

  /** Starts every request that may start. A timer exists only while a request waits for a known moment. */
  const serve = () => {
    alarm?.[Symbol.dispose]()
    alarm = undefined
    while (queue.size > 0) {
      const ms = blockedMs()
      if (ms > 0) {
        // A whole millisecond, so that a rounding error cannot wake it repeatedly just too early.
        if (ms < Infinity) alarm = startTimer(Math.ceil(ms), clock, serve)
        return
      }
      bucket.take()
      queue.next()?.grant()
    }
  }

  const createPermit = (): Permit => {
    const startedAtMs = clock.monotonicMs()
    const request = { startedAtMs }
    let keptUntil: number | undefined
    underWay.add(request)
    return {
      succeeded: () => {
        useful.responded(clock.monotonicMs() - startedAtMs)
        // A request that began before the permits were reduced says nothing about the reduced number.
        if (startedAtMs > shrunkAtMs) permits = Math.min(maxPermits, permits + 1 / permits)
      },
      throttled: () => {
        // Concurrent requests are throttled together: that is one sign, not ten.
        if (startedAtMs <= shrunkAtMs) return
        permits = Math.max(1, permits / 2)
        shrunkAtMs = clock.monotonicMs()
      },
      timedOut: () => {
        keptUntil = startedAtMs + mailchimpTimeoutMs
      },
      [Symbol.dispose]: () => {
        if (!underWay.delete(request)) return
        if (keptUntil !== undefined) keptUntilMs.add({ ms: keptUntil })
        serve()
      },
    }
  }

  const acquire = (flow: Flow, signal: AbortSignal, patienceMs: number) =>
    new Promise<Permit>((resolve, reject) => {
      signal.throwIfAborted()
      if (pausedMs() > Math.max(0, patienceMs)) throw new LimiterPaused(pausedMs())
      const leave = () => {
        queue.delete(flow, waiter)
        signal.removeEventListener("abort", onAbort)
      }
      const onAbort = () => {
        leave()
        reject(signal.reason)
        serve()
      }
      const waiter: Waiter = {
        patientUntilMs: clock.monotonicMs() + patienceMs,
        grant: () => {
          leave()
          resolve(createPermit())
        },
        refuse: (error) => {
          leave()
          reject(error)
        },
      }
      signal.addEventListener("abort", onAbort, { once: true })
      queue.add(flow, waiter)
      serve()
    })

  const pause = (ms: number) => {
    pausedUntilMs = Math.max(pausedUntilMs, clock.monotonicMs() + Math.min(ms, longestPauseMs))
    for (const waiter of queue) {
      if (waiter.patientUntilMs < pausedUntilMs) waiter.refuse(new LimiterPaused(pausedMs()))
    }
    serve()
  }

  return {
    join: () => {
      const flow: Flow = {
        acquire: (signal, patienceMs = Infinity) => acquire(flow, signal, patienceMs),
        waitingFor: () => {
          if (queue.sizeOf(flow) === 0) return undefined
          return pausedMs() === 0 && freePermits() === 0 ? "permit" : "rate_limit"
        },
        spare: (unknownMs) => {
          if (pausedMs() > 0) return 0
          const unused = useful.max(oldestMs(), unknownMs) - underWay.size
          return Math.max(0, Math.min(freePermits(), bucket.available(), unused) - queue.size)
        },
        pause,
        leave: () => {
          flows.delete(flow)
        },
      }
      flows.add(flow)
      return flow
    },
    state: () => ({
      permits: Math.floor(permits),
      inUse: underWay.size,
      kept: keptPermits(),
      waiting: queue.size,
      flows: flows.size,
      pausedMs: pausedMs(),
    }),
    isRested: () =>
      flows.size === 0 &&
      underWay.size + keptPermits() === 0 &&
      bucket.available() === capacity &&
      pausedMs() === 0 &&
      clock.monotonicMs() - shrunkAtMs > throttlingForgottenMs,
  }
}

export type Limiters = {
  /** Joins the limiter of a Mailchimp user. The flow must leave it again. */
  join(user: { readonly dc: string; readonly userId: string }): Flow
  /** The state of every limiter, for metrics. */
  states(): readonly LimiterState[]
}

/**
 * The limiters of this process, one per Mailchimp user. A limiter is kept while it is used, and then until it has rested:
 * otherwise a hundred short exports in a row would each begin with a full bucket.
 */
export function createLimiters(options: LimiterOptions = {}): Limiters {
  const limiterByUser = new Map<string, Limiter>()

  return {
    join: ({ dc, userId }) => {
      for (const [key, limiter] of limiterByUser) if (limiter.isRested()) limiterByUser.delete(key)
      const key = `${dc}:${userId}`
      const limiter = limiterByUser.get(key) ?? createLimiter(options)
      limiterByUser.set(key, limiter)
      return limiter.join()
    },
    states: () => [...limiterByUser.values()].map((limiter) => limiter.state()),
  }
}
