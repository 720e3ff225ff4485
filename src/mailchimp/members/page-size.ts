import type { MailchimpError } from "../errors.ts"

/** How many rows to request at once. */
export type PageSize = {
  current(): number
  /** A page of `count` rows came. A smaller page than the current size says nothing of it. */
  succeeded(count: number): void
  /** A page of `count` rows was too much for Mailchimp. */
  failed(count: number): void
}

/** Pages never get smaller than this. */
export const smallestPage = 10
const firstStreak = 10
const longestStreak = 640

/**
 * Halves when a page fails, and doubles after a streak of successes. If that trial fails, the size matters: the next trial
 * needs twice the streak, because a page that is too big may cost two minutes. A streak at the largest size halves the
 * needed streak, because a page size is remembered for longer than an outage at Mailchimp lasts.
 *
 * In an outage pages fail at every size. When the smallest one fails, the size from before the outage is restored.
 */
export function createPageSize(largest: number): PageSize {
  let size = largest
  let sizeBefore = largest
  let streak = 0
  let streakNeeded = firstStreak
  let isSeries = false
  let isTrial = false

  return {
    current: () => size,
    succeeded: (count) => {
      if (count < size) return
      isSeries = false
      streak += 1
      if (streak >= firstStreak) isTrial = false
      if (streak < streakNeeded) return
      streak = 0
      if (size === largest) streakNeeded = Math.max(firstStreak, streakNeeded / 2)
      else {
        size = Math.min(largest, size * 2)
        isTrial = true
      }
    },
    failed: (count) => {
      // Concurrent pages fail together, so a page that is bigger than the current size counts no more.
      if (count > size || count < smallestPage) return
      streak = 0
      if (count === smallestPage) {
        size = sizeBefore
        isSeries = false
        return
      }
      if (!isSeries) sizeBefore = size
      if (!isSeries && isTrial) streakNeeded = Math.min(longestStreak, streakNeeded * 2)
      isSeries = true
      isTrial = false
      size = Math.max(smallestPage, Math.floor(count / 2))
    },
  }
}

/**
 * Judges the failures of one page, attempt by attempt, and halves the page size if the size may be the cause.
 *
 * For a page that is too big for an account, Mailchimp responds with 503 or 504, or times out. Then the page is halved at once,
 * as it is if it exceeds the limit of bytes. Gateways in front of Mailchimp respond with a 500, an HTML page or a truncated
 * body: any failure that is neither throttling nor a refusal halves the page from the second failure on.
 *
 * @param count the rows that the failed attempt requested
 */
export function createPageFailures(size: PageSize): (error: MailchimpError, count: number) => void {
  let failures = 0
  return (error, count) => {
    const { kind, upstream } = error
    if (!error.retryable || kind === "throttled" || isRefusal(upstream?.status)) return
    failures += 1
    const isTooMuch = kind === "timed_out" || kind === "too_large" || upstream?.status === 503
    if (isTooMuch || failures > 1) size.failed(count)
  }
}

/** A client error is never about the size of a page, except a 408, which is a time-out. */
function isRefusal(status: number | undefined): boolean {
  return status !== undefined && status >= 400 && status <= 499 && status !== 408
}
