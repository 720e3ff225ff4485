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
  /** What the sweep reads: only members changed after the one second, and up to the other. */
  readonly since: Second | undefined
  readonly before: Second | undefined
  /** The last second of the body. */
  readonly horizon: Second
  readonly marginS: number
  /** Whether a part of it was delivered before a break, so that it is not known here. */
  readonly isResumed: boolean
}

export type Reconciliation = {
  /** These rows of a page were delivered. Its count is one of the whole sweep where the question had no filter of dates. */
  add(page: Page, selected: Selected, isUnfiltered: boolean): void
  /**
   * All of the sweep is read by filters of dates. Members without one are found by none of them: where Mailchimp sorts
   * them behind all others, even the first page would not show them.
   */
  doubtDates(): void
  /** A reading ended although Mailchimp counted more rows than it gave. */
  doubtCount(): void
  /** Where dates are doubted, a look at the very last row, or at both ends: whether they have one. Only once. */
  lookAtEnds(): Reading | undefined
  /**
   * What is to be done before the sweep may end: a reading, another pass over its tail, or "none" where nothing helps.
   * Undefined when as many rows were delivered as are counted, as far as there is a count, or as there are.
   */
  remedy(): Reading | "tails" | "none" | undefined
  /** By how many rows Mailchimp's count was proved to be too high. */
  countDiffers(): number
  /** Whether every row was delivered again. */
  isReadAgain(): boolean
}

/**
 * Compares what was delivered of a sweep with what Mailchimp counts. Should Mailchimp ever change the rules that the scan
 * relies on, it would show here: then the tail runs again, then all is read plainly, in both directions, which shows whether
 * the count or the scan is wrong, and if even that does not tell, the export says so. A wrong count does not keep it from
 * ending.
 *
 * Members without a date would show as well, as no filter of dates finds them. A row up to the horizon comes once, as
 * closed seconds only lose rows. One after it may be the second row of a member who changed meanwhile, and so make up for
 * one that is hidden. So where rows up to the horizon do not reach the count alone, the last row is looked at, and all that
 * have no date are read from there on. Whoever was given one meanwhile is in the tail, which runs again after that.
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
  let look: "none" | "answered" | "unanswered" = "none"
  /** By the latest look. Members may have left since they were counted first, but what it counts is in a tail after it. */
  let recounted: number | undefined
  let isTailDue = false
  /** Mailchimp sorts members without a date before or behind all others, so one of them comes first by one of the orders. */
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
    lookAtEnds: () => {
      if (!areDatesDoubted) return undefined
      areDatesDoubted = false
      // A first question without a filter has shown the first row.
      return readEnds(counted === undefined ? ["DESC", "ASC"] : ["DESC"])
    },
    remedy: () => {
      isProven ??= counted !== undefined && rowsOfBody >= counted
      if (recount) return remedyAfter(recount)
      if (undatedComeBy && !undated) return readUndated(undatedComeBy)
      if (!undated) {
        // It says nothing of who has changed since then, whom a tail may have come short of.
        if (isProven && !isCountDoubted) return undefined
        if (look === "none" && !isCountDoubted) return counted === undefined ? undefined : readEnds(["DESC"])
      }
      if (look === "unanswered") return "none"
      if (isTailDue) return runTails()
      // What was delivered before a break is not known here, and neither is then what a look should find.
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

  /** Where the two directions do not agree, every row is delivered that the fuller one shows. */
  function remedyAfter(recount: Recount): Reading | "none" | undefined {
    const outcome = recount.outcome()
    if ("countDiffers" in outcome) {
      countDiffers = outcome.countDiffers
      return undefined
    }
    // Readings in ascending order, as all others are, do not show every row.
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

  /** A question for the first row in each direction. None of them is delivered. */
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
        const isUnanswered = page.length === 0 && page.totalItems > 0
        repeats = isUnanswered ? repeats + 1 : 0
        next = isUnanswered ? { pauseS: pauseBefore(repeats) } : {}
        if (isUnanswered && repeats <= MAX_REPEATS) return NOTHING
        left.shift()
        if (look !== "unanswered") look = isUnanswered ? "unanswered" : "answered"
        if (page.length > 0 && page.second(0) === undefined) undatedComeBy ??= direction
        recounted = page.totalItems
        isTailDue = true
        return NOTHING
      },
      isDone: () => left.length === 0,
    }
  }
}
