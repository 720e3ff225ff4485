import { type Clock, startTimer } from "../../lib/time.ts"
import { createFairQueue } from "./fair-queue.ts"
import type { Permit, Permits } from "./permits.ts"
import type { Slots } from "./slots.ts"
import type { TokenBucket } from "./token-bucket.ts"

/** The limiter is paused for longer than a request would wait. */
export class LimiterPaused extends Error {
  override readonly name = "LimiterPaused"
  readonly pausedMs: number

  constructor(pausedMs: number) {
    super(`Paused for ${Math.ceil(pausedMs)} ms`)
    this.pausedMs = pausedMs
  }
}

/** The requests that wait for a permit, a token and the end of a pause, each for a flow. */
export type RequestQueue<Flow> = {
  readonly size: number
  sizeOf(flow: Flow): number
  /**
   * Waits for the right to one request. Rejects with the signal's reason when it aborts, and leaves nothing behind.
   *
   * @throws {LimiterPaused} if a pause lasts longer than `patienceMs`
   */
  acquire(flow: Flow, signal: AbortSignal, patienceMs: number): Promise<Permit>
  /** Starts no request for this long, at most ten minutes. A shorter pause does not shorten a longer one. */
  pause(ms: number): void
  /** How much longer the pause lasts, in milliseconds; 0 if there is none. */
  pausedMs(): number
  /** Starts every request that may start now. Must be called whenever a permit or a token may have become free. */
  serve(): void
}

type Waiter = { grant(): void; refuse(error: LimiterPaused): void; readonly patientUntilMs: number }

/** One odd Retry-After must not lock an account out for a day. */
const longestPauseMs = 600_000

export function createRequestQueue<Flow>(options: {
  readonly permits: Pick<Permits, "free" | "firstKeptMs" | "take">
  readonly bucket: Pick<TokenBucket, "take" | "waitMs">
  readonly clock: Clock
  /** If several processes share the limits. */
  readonly slots?: Pick<Slots, "want" | "hasReady" | "take"> | undefined
}): RequestQueue<Flow> {
  const { permits, bucket, clock, slots } = options
  const waiters = createFairQueue<Flow, Waiter>()
  let pausedUntilMs = -Infinity
  let alarm: Disposable | undefined

  const pausedMs = () => Math.max(0, pausedUntilMs - clock.monotonicMs())

  /** Milliseconds until the next request may start; Infinity if it depends on the end of another request. */
  const blockedMs = () => {
    if (pausedMs() > 0) return pausedMs()
    return permits.free() > 0 ? bucket.waitMs() : permits.firstKeptMs()
  }

  /** A timer exists only while a request waits for a known moment. */
  const serve = () => {
    alarm?.[Symbol.dispose]()
    alarm = undefined
    while (waiters.size > 0) {
      const ms = blockedMs()
      if (ms > 0) {
        // A whole millisecond, so that a rounding error cannot wake it repeatedly just too early.
        if (ms < Infinity) alarm = startTimer(Math.ceil(ms), clock, serve)
        slots?.want(0)
        return
      }
      if (slots?.hasReady() === false) {
        slots.want(Math.min(waiters.size, permits.free()))
        return
      }
      bucket.take()
      waiters.next()?.grant()
    }
    slots?.want(0)
  }

  return {
    get size() {
      return waiters.size
    },
    sizeOf: waiters.sizeOf,
    pausedMs,
    serve,

    acquire: (flow, signal, patienceMs) =>
      new Promise<Permit>((resolve, reject) => {
        signal.throwIfAborted()
        if (pausedMs() > Math.max(0, patienceMs)) throw new LimiterPaused(pausedMs())
        const leave = () => {
          waiters.delete(flow, waiter)
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
            resolve(permits.take(slots?.take()))
          },
          refuse: (error) => {
            leave()
            reject(error)
          },
        }
        signal.addEventListener("abort", onAbort, { once: true })
        waiters.add(flow, waiter)
        serve()
      }),

    pause: (ms) => {
      pausedUntilMs = Math.max(pausedUntilMs, clock.monotonicMs() + Math.min(ms, longestPauseMs))
      for (const waiter of waiters) {
        if (waiter.patientUntilMs < pausedUntilMs) waiter.refuse(new LimiterPaused(pausedMs()))
      }
      serve()
    },
  }
}
