import type { Clock } from "../../lib/time.ts"
import type { Allowance } from "./allowance.ts"
import type { Slot } from "./slot.ts"

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
  /** Aborts when another process may use the slot of this request, because its lease was lost. */
  readonly lost?: AbortSignal | undefined
}

/** The simultaneous connections of one Mailchimp user. Counts, but does not wait. */
export type Permits = {
  /** How many permits there are now: fewer than allowed after throttling. */
  total(): number
  /** How many could be taken now. */
  free(): number
  /** How many are held by requests. */
  inUse(): number
  /** How many are kept for requests that timed out. */
  kept(): number
  /** Milliseconds until the first kept permit is free again; Infinity if none is kept. */
  firstKeptMs(): number
  /** How long the oldest request has been in progress; 0 if there is none. */
  oldestMs(): number
  /** Milliseconds since Mailchimp throttled; Infinity if it never did. */
  sinceThrottledMs(): number
  /** Takes a permit, whether one is free or not. */
  take(slot?: Pick<Slot, "lost" | "end">): Permit
}

/** Mailchimp ends a call after 120 s. Until then a request that we gave up may hold one of the user's connections. */
const mailchimpTimeoutMs = 120_000

export function createPermits(options: {
  readonly allowance: Pick<Allowance, "permits">
  readonly clock: Pick<Clock, "monotonicMs">
  /** Called when a request has ended, so that its permit is free or kept. */
  readonly onReleased: () => void
  /** Called with the duration of each request that succeeded. */
  readonly onSucceeded: (afterMs: number) => void
}): Permits {
  const { allowance, clock, onReleased, onSucceeded } = options
  const underWay = new Set<{ readonly startedAtMs: number }>()
  const keptUntilMs = new Set<{ readonly ms: number }>()
  /** The most permits that Mailchimp seems to bear. Infinity before any throttling, and when all have grown back. */
  let limit = Infinity
  let throttledAtMs = -Infinity

  const current = () => Math.min(allowance.permits(), limit)

  const kept = () => {
    for (const each of keptUntilMs) if (each.ms <= clock.monotonicMs()) keptUntilMs.delete(each)
    return keptUntilMs.size
  }

  return {
    total: () => Math.floor(current()),
    free: () => Math.max(0, Math.floor(current()) - underWay.size - kept()),
    inUse: () => underWay.size,
    kept,
    firstKeptMs: () => Math.min(...[...keptUntilMs].map(({ ms }) => ms)) - clock.monotonicMs(),
    oldestMs: () => {
      const [oldest] = underWay
      return oldest === undefined ? 0 : clock.monotonicMs() - oldest.startedAtMs
    },
    sinceThrottledMs: () => clock.monotonicMs() - throttledAtMs,

    take: (slot) => {
      const startedAtMs = clock.monotonicMs()
      const request = { startedAtMs }
      let keptUntil: number | undefined
      underWay.add(request)
      return {
        lost: slot?.lost,
        succeeded: () => {
          onSucceeded(clock.monotonicMs() - startedAtMs)
          // A request that began before the permits were reduced says nothing about the reduced number, and neither does one
          // that was made while fewer were allowed.
          if (startedAtMs <= throttledAtMs || limit >= allowance.permits()) return
          limit += 1 / limit
          if (limit >= allowance.permits()) limit = Infinity
        },
        throttled: () => {
          // Concurrent requests are throttled together: that is one sign, not ten.
          if (startedAtMs <= throttledAtMs) return
          limit = Math.max(1, current() / 2)
          throttledAtMs = clock.monotonicMs()
        },
        timedOut: () => {
          keptUntil = startedAtMs + mailchimpTimeoutMs
        },
        [Symbol.dispose]: () => {
          if (!underWay.delete(request)) return
          if (keptUntil !== undefined) keptUntilMs.add({ ms: keptUntil })
          slot?.end(keptUntil)
          onReleased()
        },
      }
    },
  }
}
