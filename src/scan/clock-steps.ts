import { watermarkAt } from "./watermark.ts"
import type { Moment, Second } from "./source.ts"

/** The newest second of which a list can be, while clocks are put back. */
export type ClockSteps = {
  /** When a request was sent. */
  observe(sentAt: Moment): void
  limit(): Second
}

/**
 * If the clock that dates changes is put back in mid-export, changes are dated into seconds that were closed, and that were
 * read before. So from then on a list is of no second after those that were closed just before: the next export begins
 * there. When that was is known as far as the last `Date` before it tells.
 *
 * Servers whose clocks differ, and one of which answers after the other, are what the margin is for.
 */
export function createClockSteps(horizon: Second, marginS: number): ClockSteps {
  /** By how many seconds the clock was ahead of monotonic time, at most, and when that was seen last. */
  let mostAheadS = Number.NEGATIVE_INFINITY
  let seenS = Number.NEGATIVE_INFINITY
  let limit = Number.POSITIVE_INFINITY

  return {
    observe: ({ earliest, elapsedS, datedS }) => {
      const aheadS = earliest - elapsedS
      const isBack = aheadS < mostAheadS - marginS
      // Since a break nothing tells when it was.
      const isBackSinceBreak = watermarkAt(earliest, marginS) < horizon - marginS
      if (isBack) limit = Math.min(limit, watermarkAt(aheadS + seenS, marginS))
      else if (isBackSinceBreak) limit = Math.min(limit, watermarkAt(earliest, marginS))
      else seenS = Math.max(seenS, datedS)
      mostAheadS = Math.max(mostAheadS, aheadS)
    },
    limit: () => limit,
  }
}
