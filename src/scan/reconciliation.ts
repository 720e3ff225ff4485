import { watermarkAt, lastPossibleSecond } from "./watermark.ts"
import { type OffsetReading, createOffsetReading } from "./offset-reading.ts"
import { type OpenVersions, type Selected, countNew, newRanges } from "./deduplicate.ts"
import { addRows } from "./add-rows.ts"
import { createIdSum } from "../lib/id-sum.ts"
import {
  type PageRequest,
  type Reading,
  MAX_REPEATS,
  NOTHING,
  countUpTo,
  pauseBefore,
  reachesEnd,
} from "./reading.ts"
import { type Direction, type Recount, createRecount } from "./recount.ts"
import type { Page, Second } from "./source.ts"

export type ReconciliationOptions = {
  readonly listId: string
  readonly status: string | undefined
  /** The sweep reads only members that changed after `since` and up to `before`. */
  readonly since: Second | undefined
  readonly before: Second | undefined
  /** The last second of the body. */
  readonly horizon: Second
  readonly marginS: number
  /** Whether part of the sweep was delivered before the export was resumed, so that it is unknown here. */
  readonly isResumed: boolean
}

export type Reconciliation = {
  /** Adds the delivered rows of a page. If its request had no date filter, its count is that of the whole sweep. */
  add(page: Page, selected: Selected, isUnfiltered: boolean): void
  /**
   * Records that all of the sweep is read with date filters, which never return members without a date. If Mailchimp sorts
   * such members after all others, even the first page would not show them.
   */
  doubtDates(): void
  /** Records that a reading ended although Mailchimp counted more rows than it returned. */
  doubtCount(): void
  /** If dates are doubted, checks once whether the very last row, or the rows at both ends, have a date. */
  checkEnds(): Reading | undefined
  /**
   * What to do before the sweep may end: a reading, another pass over its tail, or "none" if nothing helps. Undefined if as
   * many rows were delivered as are counted (if there is a count), or as are proved to exist.
   */
  remedy(): Reading | "tails" | "none" | undefined
  /** By how many rows Mailchimp's count was proved to be too high. */
  countDiffers(): number
  /** Whether every row was delivered again. */
  isReadAgain(): boolean
}

/**
 * Compares what was delivered of a sweep with what Mailchimp counts. If Mailchimp ever changes the rules that the scan
 * relies on, the two disagree. Then the tail runs again. Then everything is read plainly by offset, in both directions,
 * which shows whether the count or the scan is wrong. If that is inconclusive, the export reports it. A wrong count does
 * not prevent the export from ending.
 *
 * Members without a date cause a disagreement too, because no date filter returns them. A row up to the horizon is counted
 * once, because closed seconds only lose rows. A row after the horizon may be the second row of a member who changed
 * meanwhile, and so make up for a hidden row. So if the rows up to the horizon alone do not reach the count, the last row is
 * checked, and all rows without a date are read from that end. A member who got a date meanwhile is in the tail, which runs
 * again after that.
 */
export function createReconciliation(options: ReconciliationOptions, versions: OpenVersions): Reconciliation {
  const { listId, status, since, before, horizon, marginS, isResumed } = options
  const query = { listId, status, sort: "last_changed" } as const
  const sum = createIdSum()
  let rows = 0
  let rowsOfBody = 0
  let counted: number | undefined
  let isProven: boolean | undefined
  let areDatesDoubted = false
  let isCountDoubted = false
  let endsCheck: "none" | "done" | "failed" = "none"
  /** The count of the latest check. Members may have left since the first count; those counted now are in a later tail. */
  let recounted: number | undefined
  let isTailDue = false
  /** Mailchimp sorts members without a date before or after all others, so in one direction they come first. */
  let undatedComeBy: Direction | undefined
  let undated: OffsetReading | undefined
  let recount: Recount | undefined
  let plain: OffsetReading | undefined
  let countDiffers = 0
  let closed = Number.NEGATIVE_INFINITY

  return {
    add: (page, selected, isUnfiltered) => {
      closed = Math.max(closed, watermarkAt(page.sentAt.earliest, marginS))
      rows += countNew(selected)
      // rule: only rows that are delivered once prove that none is hidden
      rowsOfBody += countNew(selected, countUpTo(page, page.length, horizon))
      for (const { start, end } of newRanges(selected)) addRows(sum, page, start, end, horizon)
      if (!isUnfiltered) return
      counted ??= page.totalItems
      const isLastUndated = page.length > 0 && page.second(page.length - 1) === undefined
      if (isLastUndated && !reachesEnd(page, 0)) undatedComeBy = "DESC"
    },
    doubtDates: () => {
      areDatesDoubted = true
    },
    doubtCount: () => {
      isCountDoubted = true
    },
    checkEnds: () => {
      // rule: members without a date are looked for if dates are doubted
      if (!areDatesDoubted) return undefined
      areDatesDoubted = false
      // If the first request had no date filter, it has shown the first row.
      return readEnds(counted === undefined ? ["DESC", "ASC"] : ["DESC"])
    },
    remedy: () => {
      isProven ??= counted !== undefined && rowsOfBody >= counted
      if (recount) return remedyAfter(recount)
      if (undatedComeBy && !undated) return readUndated(undatedComeBy)
      if (!undated) {
        // The proof does not cover members who changed since then, whom a tail may have missed.
        if (isProven && !isCountDoubted) return undefined
        if (endsCheck === "none" && !isCountDoubted)
          return counted === undefined ? undefined : readEnds(["DESC"])
      }
      if (endsCheck === "failed") return "none"
      // rule: the tail runs again after a check for members without a date
      if (isTailDue) return runTails()
      // After a resume the rows delivered before are unknown, and so is the count that a check should find.
      const expected = isResumed && counted === undefined ? undefined : (recounted ?? counted)
      const isContent = expected === undefined || rows >= expected
      if (isContent && !isCountDoubted && !undated?.lack()) return undefined
      return readInBothDirections()
    },
    countDiffers: () => countDiffers,
    isReadAgain: () => plain !== undefined || recount?.isDelivered() === true,
  }

  function readUndated(direction: Direction): Reading {
    isTailDue = true
    undated = createOffsetReading({ ...query, direction }, "undated", new Map(), versions)
    return undated
  }

  function runTails(): "tails" {
    isTailDue = false
    return "tails"
  }

  function readInBothDirections(): Reading {
    const delivered = isResumed ? undefined : { rows, sum: sum.slice() }
    recount = createRecount({ query: { ...query, since, before }, delivered, horizon, marginS, versions })
    return recount
  }

  /** If the two directions disagree, delivers every row of the direction that showed more. */
  function remedyAfter(recount: Recount): Reading | "none" | undefined {
    const outcome = recount.outcome()
    if ("countDiffers" in outcome) {
      countDiffers = outcome.countDiffers
      return undefined
    }
    // Readings in ascending order, which all others are, do not show every row.
    if (!outcome.fuller) return "none"
    if (plain) return plain.lack() || outcome.fuller === "DESC" ? "none" : undefined
    const range = { ...query, since, before, direction: outcome.fuller }
    const closedBefore = closed
    const isChanged = ({ second, sentAt }: Page, index: number) => {
      const changed = second(index) ?? closedBefore
      return changed > closedBefore && changed <= lastPossibleSecond(sentAt, marginS)
    }
    plain = createOffsetReading(range, "all", new Map(), versions, { isChanged })
    return plain
  }

  /** Requests the first row in each direction. None of these rows is delivered. */
  function readEnds(directions: readonly Direction[]): Reading {
    const left = [...directions]
    let next: Omit<PageRequest, "query"> | undefined = {}
    let repeats = 0
    return {
      nextRequest: () => {
        const [direction] = left
        if (!next || !direction) return undefined
        const request = { query: { ...query, direction, offset: 0, count: 1 }, ...next }
        next = undefined
        return request
      },
      receive: (page, { query: { direction = "ASC" } }) => {
        const isEmptyButCounted = page.length === 0 && page.totalItems > 0
        repeats = isEmptyButCounted ? repeats + 1 : 0
        next = isEmptyButCounted ? { pauseS: pauseBefore(repeats) } : {}
        if (isEmptyButCounted && repeats <= MAX_REPEATS) return NOTHING
        left.shift()
        if (endsCheck !== "failed") endsCheck = isEmptyButCounted ? "failed" : "done"
        if (page.length > 0 && page.second(0) === undefined) undatedComeBy ??= direction
        recounted = page.totalItems
        isTailDue = true
        return NOTHING
      },
      isDone: () => left.length === 0,
    }
  }
}
