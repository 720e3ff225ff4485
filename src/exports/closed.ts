import type { Second } from "./source.ts"

/**
 * The last closed second for a question asked when Mailchimp's clock was at least `clock`: nothing can change in it any
 * more, not even on a server that is a little behind, or by a change that becomes visible late. That is what the margin
 * covers. A closed second only loses rows; an open one is delivered and never trusted.
 */
export function lastClosedSecond(clock: Second, marginS: number): Second {
  return Math.floor(clock - marginS) - 1
}

/** When, by Mailchimp's clock, the second is closed for a question asked then. */
export function closesAt(second: Second, marginS: number): Second {
  return second + 1 + marginS
}
