import type { Moment, Second } from "./source.ts"

/**
 * The last closed second for a request sent when Mailchimp's clock was at least `clock`. Nothing can change in it any more:
 * the margin covers a server whose clock is a little behind and a change that becomes visible late. A closed second only
 * loses rows; an open one is delivered and never trusted.
 */
export function watermarkAt(clock: Second, marginS: number): Second {
  // rule: a second is closed only after a margin
  return Math.floor(clock - marginS) - 1
}

/** When, by Mailchimp's clock, the second is closed for a request sent at that time. */
export function closesAt(second: Second, marginS: number): Second {
  return second + 1 + marginS
}

/** How many margins a reading may wait for open seconds. Without a limit a bulk edit that never ends would block it forever. */
const MAX_MARGINS = 6

/** How many seconds a reading may wait for open seconds in all. */
export function longestWaitS(marginS: number): number {
  return MAX_MARGINS * Math.max(marginS, 1)
}

/** The last second that a change can have by now. A later date is ahead of both clocks, so waiting would not help. */
export function lastPossibleSecond({ latest }: Pick<Moment, "latest">, marginS: number): Second {
  return Math.floor(latest) + longestWaitS(marginS)
}
