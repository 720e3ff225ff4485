import type { MailchimpError } from "../errors.ts"

/** How many rows to request at once. */
export type PageSize = {
  current(): number
  succeeded(): void
  /** A page of `count` rows was too much for Mailchimp. */
  failed(count: number): void
}

/** No page is made smaller than this. */
export const smallestPage = 10
const firstStreak = 10
const longestStreak = 640

/**
 * Halves when a page fails and doubles after a row of successes. A page that is too big may cost two minutes, so each
 * series of failures doubles the successes that it takes to try a bigger one again. Pages that stay at their largest size
 * for that long halve them: a size is remembered longer than Mailchimp's bad hour lasts.
 */
export function createPageSize(largest: number): PageSize {
  let size = largest
  let streak = 0
  let streakNeeded = firstStreak
  let isSeries = false

  return {
    current: () => size,
    succeeded: () => {
      isSeries = false
      streak += 1
      if (streak < streakNeeded) return
      streak = 0
      if (size === largest) streakNeeded = Math.max(firstStreak, streakNeeded / 2)
      else size = Math.min(largest, size * 2)
    },
    failed: (count) => {
      streak = 0
      // Pages under way together fail together, and those that were bigger than the present size are history.
      if (count > size || count <= smallestPage) return
      size = Math.max(smallestPage, Math.floor(count / 2))
      if (!isSeries) streakNeeded = Math.min(longestStreak, streakNeeded * 2)
      isSeries = true
    },
  }
}

/**
 * Judges the failures of one page, attempt by attempt, and halves the size if it may be the reason.
 *
 * Mailchimp answers a page that is too big for an account with 503 or 504, or not in time: halved at once, and so is one
 * that exceeds the limit of bytes. Gateways in front of it answer a 500, a page of HTML, or a body that is cut: any failure
 * that is neither throttling nor a refusal halves the page from its second time on.
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

/** Whatever a client error is about, it is not about the size of a page. A 408 is a time-out. */
function isRefusal(status: number | undefined): boolean {
  return status !== undefined && status >= 400 && status <= 499 && status !== 408
}
