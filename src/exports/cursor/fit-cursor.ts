import type { Cursor } from "./cursor.ts"
import { earliestOf } from "./second-coder.ts"
import { encodeCursor } from "./version-2.ts"
import type { ListPosition, SweepPosition } from "../../scan/position.ts"
import type { Second } from "../../scan/source.ts"

/** What is left out of a cursor of many lists to make it fit into a URL. */
export type Coarseness = {
  /** Positions after the horizon are moved back to a multiple of this many seconds after it. */
  readonly stepS: number
  /** Whether the counts of lists that are done are kept. */
  readonly keepsTotals: boolean
}

/** Tried in this order: the first that fits is used, or the last if none fits. */
const coarsenesses: readonly Coarseness[] = [
  ...[1, 8, 64].map((stepS) => ({ stepS, keepsTotals: true })),
  ...[1, 8, 64, 512, 4096].map((stepS) => ({ stepS, keepsTotals: false })),
]

/** A limit that gives 1 KB of text for 100 lists and 7 KB for 1,000 after sealing with a key id of up to 16 characters. */
function maxBytes({ lists }: Cursor): number {
  const more = Math.max(0, lists.length - 100)
  const longIds = lists.reduce((sum, { id }) => sum + Math.max(0, id.length - 10), 0)
  return 640 + more * 5.1 + longIds
}

/**
 * Encodes the cursors of one export. A cursor that would be too long is made coarser, never wrong: an earlier position
 * repeats the rows of the seconds between, and a list that is done loses only Mailchimp's count.
 */
export function createCursorFitter(): (cursor: Cursor) => Uint8Array {
  /** Each checkpoint is larger than the previous one, so a coarseness that did not fit is not tried again. */
  let fitting = 0

  return (cursor) => {
    if (cursor.kind === "end") fitting = 0
    const limit = maxBytes(cursor)
    for (; ; fitting += 1) {
      const coarseness = coarsenesses[fitting] ?? { stepS: 4096, keepsTotals: false }
      const bytes = encodeCursor(coarsen(cursor, coarseness))
      if (bytes.length <= limit || fitting >= coarsenesses.length - 1) return bytes
    }
  }
}

/**
 * Moves positions back to a multiple of `stepS` after an origin: the horizon, or, for lists that an incremental export has
 * not started, the earliest of their positions. Lists that are being read keep their positions, because their next rows
 * arrive at once. No position moves before the earliest, which may be a bound that the caller set.
 */
export function coarsen(cursor: Cursor, { stepS, keepsTotals }: Coarseness): Cursor {
  const { kind, isIncremental, horizon } = cursor
  const earliest = earliestOf(cursor.lists, horizon)
  const lists = cursor.lists.map((list): ListPosition => {
    const isUnstarted = !list.isDone && list.totalItems === undefined
    if (kind === "end" || list.isDone)
      return { ...moved(list), totalItems: keepsTotals ? list.totalItems : undefined }
    return isUnstarted && isIncremental ? moved(list) : list
  })
  return { ...cursor, lists }

  function moved(list: ListPosition): ListPosition {
    const { live, archived } = list
    return { ...list, live: movedSweep(live), archived: archived && movedSweep(archived) }
  }

  function movedSweep(sweep: SweepPosition): SweepPosition {
    const { tail, shortAt } = sweep
    return {
      ...sweep,
      tail: tail && { since: movedSecond(tail.since) },
      shortAt: shortAt === undefined ? undefined : movedSecond(shortAt),
    }
  }

  function movedSecond(second: Second): Second {
    const origin = second >= horizon ? horizon : earliest
    return Number.isFinite(origin) && second > origin ? second - ((second - origin) % stepS) : second
  }
}
