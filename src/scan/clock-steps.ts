import { watermarkAt } from "./watermark.ts"
import type { Moment, Second } from "./source.ts"

/** Upper limit of every list's `asOf` when a clock is put back during the export. */
export type ClockSteps = {
  /** Takes the moment at which a request was sent. */
  observe(sentAt: Moment): void
  limit(): Second
}

/**
 * If the clock that dates changes is put back, changes are dated into closed seconds that were already read. From then on no
 * list's `asOf` is later than the watermark just before the step, which is known as precisely as the last `Date` before it.
 * The margin covers servers whose clocks differ and whose responses alternate.
 */
export function createClockSteps(horizon: Second, marginS: number): ClockSteps {
  /** The most seconds that the clock was ahead of monotonic time, and the last `Date` seen before it was put back. */
  let maxAheadS = Number.NEGATIVE_INFINITY
  let seenS = Number.NEGATIVE_INFINITY
  let limit = Number.POSITIVE_INFINITY

  return {
    observe: ({ earliest, elapsedS, datedS }) => {
      const aheadS = earliest - elapsedS
      const isBack = aheadS < maxAheadS - marginS
      // If the clock was put back before the export was resumed, the time of the step is unknown.
      const isBackSinceBreak = watermarkAt(earliest, marginS) < horizon - marginS
      if (isBack) limit = Math.min(limit, watermarkAt(aheadS + seenS, marginS))
      else if (isBackSinceBreak) limit = Math.min(limit, watermarkAt(earliest, marginS))
      else seenS = Math.max(seenS, datedS)
      maxAheadS = Math.max(maxAheadS, aheadS)
    },
    // rule: no `asOf` is later than the watermark before the clock was put back
    limit: () => limit,
  }
}
