import { type IdSum, createIdSum, isSameSum } from "../../lib/id-sum.ts"
import { addRows } from "../add-rows.ts"
import { countUpTo } from "../reading.ts"
import type { Page, Second } from "../source.ts"

export type Direction = "ASC" | "DESC"

/** The number of rows, and a sum that identifies them: see {@link IdSum}. */
export type Content = { readonly rows: number; readonly sum: IdSum }

export type PassOptions = {
  /** The watermark when the export began. */
  readonly horizon: Second
  /** The last second of the rows that were requested, if the caller set an upper bound. A pass shows one second more. */
  readonly until: Second | undefined
}

/** A pass over all rows by offset, in one direction. */
export type Pass = {
  readonly direction: Direction
  /** Whether the rows are delivered. Otherwise they are only compared. */
  readonly isDelivered: boolean
  /** All rows. */
  content(): Content
  /** The rows that were requested, in a pass in ascending order. */
  requested(): Content
  /** Takes a page, whose request had the number of rows so far as its offset. Returns how many of its rows are requested. */
  take(page: Page, isEnd: boolean): number
  /** Whether two responses showed parts of one second, whose rows may have changed their order in between. */
  isTorn(): boolean
}

export function createPass(
  direction: Direction,
  isDelivered: boolean,
  { horizon, until }: PassOptions,
): Pass {
  const isBounded = until !== undefined && direction === "ASC"
  const sum = createIdSum()
  let rows = 0
  const requestedSum = isBounded ? createIdSum() : sum
  let requestedRows = 0
  let isTorn = false
  /** The last second of a truncated page. If the next page begins with it, two responses show parts of this second. */
  let truncatedAt: { readonly second: Second | undefined } | undefined

  return {
    direction,
    isDelivered,
    content: () => ({ rows, sum }),
    requested: () => ({ rows: requestedRows, sum: requestedSum }),
    take: (page, isEnd) => {
      const { length, isTruncated } = countToTake(page, isEnd)
      isTorn ||= page.length > 0 && truncatedAt !== undefined && truncatedAt.second === page.second(0)
      truncatedAt = isTruncated ? { second: page.second(length - 1) } : undefined
      addRows(sum, page, 0, length, horizon)
      rows += length
      const requested = isBounded ? countUpTo(page, length, until) : length
      if (isBounded) addRows(requestedSum, page, 0, requested, horizon)
      requestedRows += requested
      return requested
    },
    isTorn: () => isTorn,
  }
}

export function isSame(one: Content, other: Content): boolean {
  return one.rows === other.rows && isSameSum(one.sum, other.sum)
}

/**
 * How many rows of a page to take. The last second of a full page is left to the next page, so that it is taken from one
 * response, unless it fills the page. A truncated page may be the last one, if the count is wrong, so all of it is taken.
 */
function countToTake(
  { length, count, second }: Page,
  isEnd: boolean,
): { length: number; isTruncated: boolean } {
  const last = second(length - 1)
  let rows = length
  while (rows > 0 && second(rows - 1) === last) rows -= 1
  // rule: a recount takes a second from one response
  if (isEnd || rows === 0) return { length, isTruncated: false }
  return length === count ? { length: rows, isTruncated: false } : { length, isTruncated: true }
}
