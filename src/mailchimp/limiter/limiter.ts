import { type Clock, systemClock } from "../../lib/clock.ts"
import { createFairQueue } from "./fair-queue.ts"
import { startTimer } from "../../lib/start-timer.ts"
import { createTokenBucket } from "./token-bucket.ts"
import { createUsefulRequests } from "./useful-requests.ts"

/** The right to one request: one simultaneous connection to Mailchimp, from its start until it is disposed of. */
export type Permit = Disposable & {
  /** The request was answered well: permits that were taken away grow back, one for each round of successes. */
  succeeded(): void
  /** Mailchimp throttled the request: half of the permits are taken away. */
  throttled(): void
  /**
   * The request timed out. Mailchimp may still be working on it, so the permit is not given back before Mailchimp
   * cuts the call: {@link mailchimpCutMs} after it began.
   */
  timedOut(): void
}

/** What waiting requests wait for: a permit (a free connection), or Mailchimp's rate. */
type WaitReason = "permit" | "rate_limit"

/** One of those who share a limiter: an export, or another piece of work. */
export type Flow = {
  /**
   * Waits for a permit and a token. First come, first served within the party; parties are served in turn. Rejects
   * with the signal's reason when it aborts, and leaves nothing behind.
   *
   * @param patienceMs how long a pause of the whole limiter is worth waiting for
   * @throws {LimiterPaused} when a pause lasts longer than that
   */
  acquire(signal: AbortSignal, patienceMs?: number): Promise<Permit>
  /** What the party waits for now; undefined when it does not wait. */
  waitingFor(): WaitReason | undefined
  /**
   * How many requests could start at once and be of use: there are permits and tokens for them, and those under way do not
   * use all of the rate, as few do where answers are fast. While nothing tells how fast, they take `unknownMs`, or for ever.
   */
  spare(unknownMs?: number): number
  /** Stops every party's new requests for so long, ten minutes at most: Mailchimp asked for it, or is throttling. */
  pause(ms: number): void
  /** The party is done. A limiter is forgotten when all are, and it has rested. */
  leave(): void
}

/** The state of a limiter, for metrics. */
type LimiterState = {
  /** Permits there are now: fewer than the maximum after throttling. */
  readonly permits: number
  /** Permits that a request holds. */
  readonly inUse: number
  /** Permits kept for requests that timed out. */
  readonly kept: number
  readonly waiting: number
  readonly flows: number
  /** Milliseconds that a pause still lasts; 0 without one. */
  readonly pausedMs: number
}

export type Limiter = {
  join(): Flow
  state(): LimiterState
  /** Whether no one uses it, and a new one would do as well. */
  isRested(): boolean
}

/** The limiter is paused for longer than a request wanted to wait. */
export class LimiterPaused extends Error {
  override readonly name = "LimiterPaused"
  readonly pausedMs: number

  constructor(pausedMs: number) {
    super(`Paused for ${Math.ceil(pausedMs)} ms`)
    this.pausedMs = pausedMs
  }
}

/** Mailchimp cuts a call after 120 s. Until then, one that we gave up may hold one of the user's connections. */
const mailchimpCutMs = 120_000

/** One odd Retry-After must not lock an account out for a day. */
const longestPauseMs = 600_000

/** Throttling that is longer ago says nothing of how many connections Mailchimp can take now. */
const throttlingForgottenMs = 60_000

export type LimiterOptions = {
  /** Simultaneous connections: Mailchimp allows ten per user, and answers 429 beyond. */
  readonly permits?: number
  /** Requests that may start at once after a rest. */
  readonly tokens?: number
  readonly refillPerSecond?: number
  readonly clock?: Clock
}

type Waiter = { grant(): void; refuse(error: LimiterPaused): void; readonly patientUntilMs: number }

/**
 * Limits the requests to one Mailchimp user, for all of this process who ask on his behalf: each request holds a
 * permit, and in any t seconds at most `tokens + refillPerSecond * t` requests start.
 *
 * That bound is to hold where Mailchimp counts, and requests may arrive there closer together than they started. So
 * the bucket holds one token less than promised: arrivals may be off by the time in which a token is refilled.
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

  /** Milliseconds until the next request may start; Infinity when only the end of another one can tell. */
  const blockedMs = () => {
    if (pausedMs() > 0) return pausedMs()
    if (freePermits() > 0) return bucket.waitMs()
    const firstKept = Math.min(...[...keptUntilMs].map(({ ms }) => ms))
    return firstKept - clock.monotonicMs()
  }

  /** Starts what may start. There is a timer only while someone waits for a moment that is known. */
  const serve = () => {
    alarm?.[Symbol.dispose]()
    alarm = undefined
    while (queue.size > 0) {
      const ms = blockedMs()
      if (ms > 0) {
        // A whole millisecond, so that a rounding error cannot make it wake again and again just too early.
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
        useful.answered(clock.monotonicMs() - startedAtMs)
        // Whoever began before the permits were cut says nothing of how the fewer do.
        if (startedAtMs > shrunkAtMs) permits = Math.min(maxPermits, permits + 1 / permits)
      },
      throttled: () => {
        // Requests that were under way together are throttled together: that is one sign, not ten.
        if (startedAtMs <= shrunkAtMs) return
        permits = Math.max(1, permits / 2)
        shrunkAtMs = clock.monotonicMs()
      },
      timedOut: () => {
        keptUntil = startedAtMs + mailchimpCutMs
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
          const unused = useful.most(oldestMs(), unknownMs) - underWay.size
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
  /** Joins the limiter of a Mailchimp user. The party must leave it again. */
  join(user: { readonly dc: string; readonly userId: string }): Flow
  /** The limiters there are, for metrics. */
  states(): readonly LimiterState[]
}

/**
 * The limiters of this process, one per Mailchimp user. Each is kept while someone uses it, and then until it has
 * rested: were it forgotten sooner, a hundred short exports in a row would each begin with a full bucket.
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
