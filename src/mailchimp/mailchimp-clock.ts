import type { Clock } from "../lib/time.ts"
import { parseHttpDate } from "./http-date.ts"

/** A moment by both clocks. In whole seconds since the epoch, except for the monotonic fields. */
export type Moment = {
  /** By the earlier of Mailchimp's clock and our own: a second that is closed by this clock is closed by both. */
  readonly earliest: number
  /** By the later of the two: a second that is in the future by this clock is in the future by both. */
  readonly latest: number
  /** Monotonic seconds, with fractions: only differences are meaningful. */
  readonly elapsedS: number
  /** `elapsedS` when the latest `Date` arrived: any later change of Mailchimp's clock is not known yet. */
  readonly datedS: number
}

/** When a request was sent; but `latest` is when its response had arrived, because that can take minutes. */
export type SentAt = Moment

/** What is known about the time at Mailchimp. */
export type MailchimpClock = {
  /**
   * Reads the `Date` header of a response. Returns how far Mailchimp's clock is ahead of ours, in milliseconds, or undefined
   * without a valid header.
   *
   * @param receivedMs the monotonic time at which the headers arrived
   */
  observe(date: string | null, receivedMs: number): number | undefined
  now(): Moment
  /** Waits until the earlier clock shows `second`, but at most `maxS` seconds. Rejects with the signal's reason. */
  waitUntil(second: number, maxS: number, signal: AbortSignal): Promise<void>
}

export type MailchimpClockOptions = {
  readonly clock: Clock
  /** How many seconds before the earlier clock a second counts as closed. */
  readonly marginS: number
  /** Called once, when Mailchimp's clock first differs from ours by more than the margin, with the difference in seconds. */
  readonly onDifference?: ((aheadS: number) => void) | undefined
}

/**
 * Two clocks show the time at Mailchimp: the `Date` of its latest response plus the monotonic time since, and our own. Either
 * can be wrong: a proxy or one of many servers may send any `Date`, and our own clock may have stepped. A lower bound is the
 * earlier of the two, which is right if either clock is.
 *
 * `Date` is a lower bound of the sender's clock, because the header drops the fraction of a second (RFC 9110, 5.6.7) and is
 * written before it arrives. Each response replaces the previous one. Before the first `Date`, the lower bound is our own
 * clock less one more margin.
 */
export function createMailchimpClock({
  clock,
  marginS,
  onDifference,
}: MailchimpClockOptions): MailchimpClock {
  /** Mailchimp's time minus our monotonic time. */
  let aheadMs: number | undefined
  let datedMs: number | undefined
  let hasDiffered = false

  const mailchimpMs = () => (aheadMs === undefined ? undefined : aheadMs + clock.monotonicMs())
  // rule: a second is closed by our own clock as well as by Mailchimp's
  // rule: a second is closed by Mailchimp's clock as well as by our own
  // rule: without a Date our own clock is used, minus one more margin
  const earliestMs = () => Math.min(clock.now(), mailchimpMs() ?? clock.now() - marginS * 1000)

  return {
    observe: (date, receivedMs) => {
      const sentMs = parseHttpDate(date)
      if (sentMs === undefined) return undefined
      aheadMs = sentMs - receivedMs
      datedMs = receivedMs
      const differenceMs = aheadMs + clock.monotonicMs() - clock.now()
      // `Date` has no fraction, so a difference of one second means nothing.
      if (!hasDiffered && Math.abs(differenceMs) > marginS * 1000 + 1000) {
        hasDiffered = true
        onDifference?.(Math.round(differenceMs / 1000))
      }
      return differenceMs
    },
    now: () => ({
      earliest: Math.floor(earliestMs() / 1000),
      latest: Math.floor(Math.max(clock.now(), mailchimpMs() ?? -Infinity) / 1000),
      elapsedS: clock.monotonicMs() / 1000,
      datedS: (datedMs ?? clock.monotonicMs()) / 1000,
    }),
    waitUntil: async (second, maxS, signal) => {
      signal.throwIfAborted()
      const endMs = clock.monotonicMs() + maxS * 1000
      for (;;) {
        const leftMs = Math.min(second * 1000 - earliestMs(), endMs - clock.monotonicMs())
        if (leftMs <= 0) return
        await clock.sleep(Math.ceil(leftMs), signal)
      }
    },
  }
}
