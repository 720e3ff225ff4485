/** How many requests side by side are of use, where no more than so many may start in a second. */
export type UsefulRequests = {
  /** A request was answered well after so long. */
  answered(afterMs: number): void
  /**
   * So many requests side by side use all of the rate. Whatever more were begun would only wait.
   *
   * @param underWayMs how long the oldest request has been under way; 0 when there is none
   * @param unknownMs how long a request takes if nothing tells
   */
  most(underWayMs: number, unknownMs?: number): number
}

/** Of so many answers the slowest counts. More are never under way together, so small quick ones do not hide a page. */
const remembered = 16

/** One answer does not tell how long the next takes: an export's first is the name of a list, and then come pages. */
const enoughToTell = 2

/** So much more than the rate can feed, so that the tokens of a burst are used up as well, within four seconds. */
const surplus = 1.25

/**
 * By Little's law: as many requests are under way as start in the time that one takes. That time is the longest of late,
 * as too few requests would waste the rate, and too many cost but a few questions more. One that is not known is long.
 */
export function createUsefulRequests(perSecond: number): UsefulRequests {
  const recentMs: number[] = []

  return {
    answered: (afterMs) => {
      recentMs.push(afterMs)
      if (recentMs.length > remembered) recentMs.shift()
    },
    most: (underWayMs, unknownMs = Infinity) => {
      const longestMs = recentMs.length < enoughToTell ? unknownMs : Math.max(...recentMs, underWayMs)
      return Math.floor((longestMs / 1000) * perSecond * surplus) + 1
    },
  }
}
