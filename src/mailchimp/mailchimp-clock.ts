import type { Clock } from "../lib/clock.ts"
import { parseHttpDate } from "../lib/http-date.ts"

/** What is known of Mailchimp's clock: always a lower bound. */
export type MailchimpClock = {
  /**
   * Learns from the `Date` header of an answer.
   *
   * @param receivedMs the monotonic time at which the headers were there
   */
  observe(date: string | null, receivedMs: number): void
  /** Whole seconds since the epoch; -Infinity before the first answer. */
  second(): number
  /** Waits until the clock has reached a second. Before the first answer there is nothing to wait for. */
  waitUntil(second: number, signal: AbortSignal): Promise<void>
}

/**
 * Mailchimp's clock, for a question about to be sent: the newest `Date` received so far plus the monotonic time
 * since.
 *
 * Each step errs to the early side, so the clock of the server that sent the date is never overtaken. The header
 * cuts the fraction of a second off (RFC 9110, 5.6.7), it was written before it arrived here, and the sum is cut to
 * whole seconds again. Of several dates the one counts that puts the clock furthest ahead: an answer that took long
 * must not put it back. Servers that disagree are left to the margin of those who rely on it.
 */
export function createMailchimpClock(clock: Clock): MailchimpClock {
  /** Mailchimp's time less our monotonic time. */
  let aheadMs = -Infinity

  const second = () => Math.floor((aheadMs + clock.monotonicMs()) / 1000)

  return {
    observe: (date, receivedMs) => {
      const sentMs = parseHttpDate(date)
      if (sentMs !== undefined) aheadMs = Math.max(aheadMs, sentMs - receivedMs)
    },
    second,
    waitUntil: async (until, signal) => {
      signal.throwIfAborted()
      for (;;) {
        if (aheadMs === -Infinity || second() >= until) return
        await clock.sleep(Math.ceil(until * 1000 - aheadMs - clock.monotonicMs()), signal)
      }
    },
  }
}
