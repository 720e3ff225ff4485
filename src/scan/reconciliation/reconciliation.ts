import type { OpenVersions, Selected } from "../deduplicate.ts"
import { createDeliveredRows } from "./delivered-rows.ts"
import { type OffsetReading, createOffsetReading } from "../offset-reading/offset-reading.ts"
import type { Reading } from "../reading.ts"
import { type Recount, createRecount } from "./recount.ts"
import type { Page, Second } from "../source.ts"
import { createUndatedMembers } from "./undated-members.ts"
import { lastPossibleSecond, watermarkAt } from "../watermark.ts"

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
   * What to do before the sweep may end: a reading, its tail again, or "none" if nothing helps. Undefined if as
   * many rows were delivered as are counted (if there is a count), or as are proved to exist.
   */
  remedy(): Reading | "tails" | "none" | undefined
  /** By how many rows Mailchimp's count was proved to be too high. */
  countDiffers(): number
  /** Whether every row was delivered again. */
  isReadAgain(): boolean
}

/**
 * Compares what was delivered of a sweep with what Mailchimp counts. If they disagree, the tail runs again, and then all is
 * read plainly by offset in both directions, which shows whether the count or the scan is wrong. If even that is inconclusive,
 * the sweep ends short. README.md has the reasons.
 */
export function createReconciliation(options: ReconciliationOptions, versions: OpenVersions): Reconciliation {
  const { listId, status, since, before, horizon, marginS, isResumed } = options
  const query = { listId, status, sort: "last_changed" } as const
  const delivered = createDeliveredRows(horizon)
  const undated = createUndatedMembers(query, versions)
  let counted: number | undefined
  let isProven: boolean | undefined
  let isCountDoubted = false
  let recount: Recount | undefined
  let plain: OffsetReading | undefined
  let countDiffers = 0
  let closed = Number.NEGATIVE_INFINITY

  return {
    add: (page, selected, isUnfiltered) => {
      closed = Math.max(closed, watermarkAt(page.sentAt.earliest, marginS))
      delivered.add(page, selected)
      if (!isUnfiltered) return
      counted ??= page.totalItems
      undated.observe(page)
    },
    doubtDates: undated.doubtDates,
    doubtCount: () => {
      isCountDoubted = true
    },
    // If the first request had no date filter, it has shown the first row.
    checkEnds: () => undated.checkIfDoubted(counted !== undefined),
    remedy: () => {
      isProven ??= counted !== undefined && delivered.rowsOfBody() >= counted
      if (recount) return remedyAfter(recount)
      const found = undated.readFound()
      if (found) return found
      if (!undated.reading() && !isCountDoubted) {
        const isUnchecked = undated.check() === "none"
        // The proof does not cover members who changed since then, whom a tail may have missed.
        if (isProven || (isUnchecked && counted === undefined)) return undefined
        if (isUnchecked) return undated.checkLast()
      }
      // rule: the tail runs again after a check for members without a date
      if (undated.takeTailDue()) return "tails"
      return mayRowsBeMissing() ? readInBothDirections() : undefined
    },
    countDiffers: () => countDiffers,
    isReadAgain: () => plain !== undefined || recount?.isDelivered() === true,
  }

  function mayRowsBeMissing(): boolean {
    // Either no row exists or every response was truncated.
    if (undated.check() === "failed") return true
    if (isCountDoubted || undated.reading()?.lack()) return true
    // After a resume the rows delivered before are unknown, and so is the count that a check should find.
    const expected = isResumed && counted === undefined ? undefined : (undated.recounted() ?? counted)
    return expected !== undefined && delivered.rows() < expected
  }

  function readInBothDirections(): Reading {
    const content = isResumed ? undefined : { rows: delivered.rows(), sum: delivered.sum() }
    recount = createRecount({
      query: { ...query, since },
      until: before,
      delivered: content,
      horizon,
      marginS,
      versions,
    })
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
    // A plain reading relies on `before` including its own second, which only a window does not.
    if (before !== undefined) return "none"
    const range = { ...query, since, direction: outcome.fuller }
    const closedBefore = closed
    const isChanged = ({ second, sentAt }: Page, index: number) => {
      const changed = second(index) ?? closedBefore
      return changed > closedBefore && changed <= lastPossibleSecond(sentAt, marginS)
    }
    plain = createOffsetReading(range, "all", new Map(), versions, { isChanged })
    return plain
  }
}
