/** How many concurrent requests are useful if the number that may start in a second is limited. */
export type UsefulRequests = {
  /** A request succeeded after this time. */
  responded(afterMs: number): void
  /**
   * How many concurrent requests use the whole rate. More of them would only wait.
   *
   * @param underWayMs how long the oldest request has been in progress; 0 if there is none
   * @param unknownMs the assumed duration of a request until one is known
   */
  max(underWayMs: number, unknownMs?: number): number
}

/** How many responses are remembered: the slowest counts. More are never concurrent, so small ones do not hide a page. */
const remembered = 16

/** A single response says little: an export's first is the name of a list, and pages follow. */
const enoughSamples = 2

/** More requests than the rate sustains, so that the tokens of a burst are used, too, within four seconds. */
const surplus = 1.25

/**
 * By Little's law, the requests in progress are as many as start during the time that a request takes. The longest recent
 * time counts, because too few requests would waste the rate, and too many cost only a few requests more.
 */
export function createUsefulRequests(ratePerSecond: () => number): UsefulRequests {
  const recentMs: number[] = []

  return {
    responded: (afterMs) => {
      recentMs.push(afterMs)
      if (recentMs.length > remembered) recentMs.shift()
    },
    max: (underWayMs, unknownMs = Infinity) => {
      const longestMs = recentMs.length < enoughSamples ? unknownMs : Math.max(...recentMs, underWayMs)
      return Math.floor((longestMs / 1000) * ratePerSecond() * surplus) + 1
    },
  }
}
