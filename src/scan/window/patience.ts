import { countNew, countRows, type Selected } from "../deduplicate.ts"
import { type Delay, MAX_REPEATS, pauseBefore } from "../reading.ts"
import type { Moment, Page, Second } from "../source.ts"
import { closesAt, longestWaitS } from "../watermark.ts"

/** How long a reading waits for open seconds and repeats requests. Without limits a list could block its export forever. */
export type Patience = {
  /** Records the rows of a page that are delivered. */
  note(page: Page, selected: Selected): void
  /** Whether members change faster than they are read, so that the reading does not even reach the open seconds. */
  isOutrun(): boolean
  /** Whether pages have ended in open seconds for too long. To be called once for each such page. */
  isRestless(sentAt: Moment): boolean
  /** How to wait until the open second is closed. Undefined if the reading has waited for too long. */
  waitFor(second: Second, sentAt: Moment): Delay | undefined
  /** How to wait before a request is repeated whose page had no new row. Undefined if that was repeated often enough. */
  repeat(page: Page): Delay | undefined
}

/** How many pages may end in open seconds before the time limit on waiting applies. */
const MAX_OPEN_ENDS = 6
/** Limit on the rows delivered, in multiples of the count: members that change faster than they are read never end. */
const MAX_ROUNDS = 10

export function createPatience(marginS: number): Patience {
  const maxWaitS = longestWaitS(marginS)
  let waitedS = 0
  let openSinceS: number | undefined
  let openEnds = 0
  let delivered = 0
  let highestCount = 0
  let repeats = 0
  let repeated = { length: -1, totalItems: -1 }

  return {
    note: ({ length, totalItems }, selected) => {
      if (countNew(selected) > 0) repeats = 0
      delivered += countRows(selected.ranges)
      highestCount = Math.max(highestCount, length, totalItems)
    },
    isOutrun: () => delivered > MAX_ROUNDS * highestCount,
    isRestless: ({ elapsedS }) => {
      openSinceS ??= elapsedS
      openEnds += 1
      return openEnds > MAX_OPEN_ENDS && elapsedS - openSinceS > maxWaitS
    },
    waitFor: (second, { earliest }) => {
      const closingAt = closesAt(second, marginS)
      // rule: no wait is longer than six margins
      const maxS = Math.min(closingAt - earliest, maxWaitS - waitedS)
      waitedS += maxS
      return maxS > 0 ? { notBefore: { second: closingAt, maxS } } : undefined
    },
    repeat: ({ length, totalItems }) => {
      repeats += 1
      const isSame = repeats > 1 && length === repeated.length && totalItems === repeated.totalItems
      repeated = { length, totalItems }
      // Not needed for exactness: a recount would find the rows, too, but it reads the whole list twice.
      return isSame || repeats > MAX_REPEATS ? undefined : { pauseS: pauseBefore(repeats) }
    },
  }
}
