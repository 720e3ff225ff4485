import { type Clock, systemClock } from "../../lib/time.ts"
import { type Allowance, createFixedAllowance } from "./allowance.ts"
import { createPermits, type Permit } from "./permits.ts"
import { createRequestQueue } from "./queue.ts"
import type { Slots } from "./slots.ts"
import { createTokenBucket } from "./token-bucket.ts"
import { createUsefulRequests } from "./useful-requests.ts"

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
  /** Calls the listener after the allowance changed or a slot was leased: `spare()` may be higher, although no request has ended. */
  onAllowanceChange(listener: () => void): Disposable
  /** Stops new requests of all flows, for ten minutes at most: Mailchimp requested it, or is throttling. */
  pause(ms: number): void
  /** The flow has ended. A limiter is dropped after its last flow has left and it has rested. */
  leave(): void
}

/** The state of a limiter, for metrics. */
export type LimiterState = {
  /** The current number of permits: fewer than allowed after throttling. */
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

/** Once disposed of, a limiter no longer listens to its allowance. */
export type Limiter = Disposable & {
  join(): Flow
  state(): LimiterState
  /** Whether nothing uses the limiter, and a new one would behave the same. */
  isRested(): boolean
}

/** Older throttling says nothing about how many connections Mailchimp can take now. */
const throttlingForgottenMs = 60_000

/**
 * Limits this process's requests on behalf of one Mailchimp user: each request holds a permit, and in any t seconds at most
 * `ratePerSecond * (1 + t)` requests start.
 *
 * Mailchimp counts requests as they arrive, possibly closer together than they started. So the bucket holds one token fewer
 * than promised: the bound holds at Mailchimp if arrivals vary by less than the time in which a token is refilled.
 */
export function createLimiter(
  options: {
    readonly allowance?: Allowance
    /** If several processes share the limits. */
    readonly slots?: Slots | undefined
    readonly clock?: Clock
  } = {},
): Limiter {
  const { allowance = createFixedAllowance(), slots, clock = systemClock } = options
  const rate = () => {
    const refillPerSecond = allowance.ratePerSecond()
    return { capacity: Math.max(1, refillPerSecond - 1), refillPerSecond }
  }
  const bucket = createTokenBucket({ ...rate(), monotonicMs: clock.monotonicMs })
  const useful = createUsefulRequests(allowance.ratePerSecond)
  const permits = createPermits({
    allowance,
    clock,
    onReleased: () => queue.serve(),
    onSucceeded: useful.responded,
  })
  const queue = createRequestQueue<Flow>({ permits, bucket, clock, slots })
  const flows = new Set<Flow>()
  const subscription = allowance.onChange(() => {
    bucket.change(rate())
    queue.serve()
  })
  const served = slots?.onLeased(queue.serve)

  const spare = (unknownMs: number | undefined) => {
    if (queue.pausedMs() > 0) return 0
    const unused = useful.max(permits.oldestMs(), unknownMs) - permits.inUse()
    const allowed = slots === undefined ? Infinity : slots.allowed() - permits.inUse()
    return Math.max(0, Math.min(permits.free(), bucket.available(), unused, allowed) - queue.size)
  }

  return {
    join: () => {
      const flow: Flow = {
        acquire: (signal, patienceMs = Infinity) => queue.acquire(flow, signal, patienceMs),
        waitingFor: () => {
          if (queue.sizeOf(flow) === 0) return undefined
          const hasPermit = permits.free() > 0 && slots?.hasReady() !== false
          return queue.pausedMs() === 0 && !hasPermit ? "permit" : "rate_limit"
        },
        spare,
        onAllowanceChange: slots === undefined ? allowance.onChange : slots.onLeased,
        pause: queue.pause,
        leave: () => {
          flows.delete(flow)
        },
      }
      flows.add(flow)
      return flow
    },
    state: () => ({
      permits: permits.total(),
      inUse: permits.inUse(),
      kept: permits.kept(),
      waiting: queue.size,
      flows: flows.size,
      pausedMs: queue.pausedMs(),
    }),
    isRested: () =>
      flows.size === 0 &&
      permits.inUse() + permits.kept() + (slots?.held() ?? 0) === 0 &&
      bucket.isFull() &&
      queue.pausedMs() === 0 &&
      permits.sinceThrottledMs() > throttlingForgottenMs,
    [Symbol.dispose]: () => {
      subscription[Symbol.dispose]()
      served?.[Symbol.dispose]()
      slots?.[Symbol.dispose]()
    },
  }
}
