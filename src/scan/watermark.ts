import type { Moment, Second } from "./source.ts"

/**
 * The last closed second for a question asked when Mailchimp's clock was at least `clock`: nothing can change in it any
 * more, not even on a server that is a little behind, or by a change that becomes visible late. That is what the margin
 * covers. A closed second only loses rows; an open one is delivered and never trusted.
 */
export function watermarkAt(clock: Second, marginS: number): Second {
  return Math.floor(clock - marginS) - 1
}

/** When, by Mailchimp's clock, the second is closed for a question asked then. */
export function closesAt(second: Second, marginS: number): Second {
  return second + 1 + marginS
}

/** How many margins a reading may wait for open seconds: a bulk edit that never ends would keep it for ever. */
const MAX_MARGINS = 6

/** How many seconds a reading may wait for open seconds in all. */
export function longestWaitS(marginS: number): number {
  return MAX_MARGINS * Math.max(marginS, 1)
}

/** Up to which second a change can be dated by now. What is dated later is ahead of both clocks: no wait would do. */
export function lastPossibleSecond({ latest }: Pick<Moment, "latest">, marginS: number): Second {
  return Math.floor(latest) + longestWaitS(marginS)
}
