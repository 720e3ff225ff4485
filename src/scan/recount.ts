import { closesAt, watermarkAt, lastPossibleSecond } from "./watermark.ts"
import { type OpenVersions, type Selected, selectRows } from "./deduplicate.ts"
import { addRows } from "./add-rows.ts"
import { type IdSum, createIdSum, isSameSum } from "../lib/id-sum.ts"
import { type PageRequest, type Reading, MAX_REPEATS, NOTHING, reachesEnd } from "./reading.ts"
import type { MembersQuery, Page, Second } from "./source.ts"

export type Direction = "ASC" | "DESC"

/** The number of rows, and a sum that identifies them: see {@link IdSum}. */
type Content = { readonly rows: number; readonly sum: IdSum }

export type RecountOptions = {
  /** The query for all rows to compare, without a direction. */
  readonly query: Omit<MembersQuery, "offset" | "direction">
  /** What was delivered of them. Undefined if a part was delivered before the export was resumed. */
  readonly delivered: Content | undefined
  /** The watermark when the export began. */
  readonly horizon: Second
  readonly marginS: number
  readonly versions: OpenVersions
}

export type Recount = Reading & {
  /**
   * Once done: by how many rows Mailchimp's count is too high, if that is proved and all existing rows were delivered.
   * Otherwise the direction that showed more rows; undefined if rows arrived that were not requested.
   */
  outcome(): { readonly countDiffers: number } | { readonly fuller: Direction | undefined }
  /** Whether the recount has delivered rows. */
  isDelivered(): boolean
}

type Pass = {
  readonly direction: Direction
  readonly isDelivered: boolean
  readonly sum: IdSum
  rows: number
  /** The last second of a truncated page. If the next page begins with it, two responses show parts of this second. */
  truncatedAt?: { readonly second: Second | undefined } | undefined
}

/** A list that changes during the recount proves nothing, so it is compared once more. */
const MAX_ATTEMPTS = 2

/**
 * Finds out whether rows are missing or Mailchimp counts rows that do not exist: reads everything plainly by offset, once in
 * each direction, and compares the two passes. The comparison reveals a row hidden in either direction, and any change
 * meanwhile. If both passes show the same rows, and nothing has changed since before the first pass, the count is wrong and
 * there are no other rows.
 *
 * If the same rows were delivered, each once, nothing is delivered again. Otherwise a pass delivers every row.
 */
export function createRecount(options: RecountOptions): Recount {
  const { query, delivered, horizon, marginS, versions } = options
  let passes: Pass[] = []
  /** Mailchimp's count, which must be the same in every response; NaN if it was not. */
  let totalItems: number | undefined
  let unchangedSince: Second | undefined
  let attempts = 1
  let next: Omit<PageRequest, "query"> | undefined = {}
  let step: "pass" | "look" | "proved" | "failed" = "pass"
  let hasDelivered = false
  let repeats = 0
  let isOutside = false
  let isTorn = false
  startPass("ASC", delivered === undefined)

  return {
    nextRequest: () => {
      if (!next) return undefined
      const request = { query: step === "look" ? lookQuery() : passQuery(), ...next }
      next = undefined
      return request
    },
    receive: (page) => {
      next = {}
      unchangedSince ??= watermarkAt(page.sentAt.earliest, marginS)
      if (step === "look") {
        if (hasChanged(page)) tryAgain(page)
        else end("proved")
        return NOTHING
      }
      return receiveOfPass(page)
    },
    isDone: () => step === "proved" || step === "failed",
    isDelivered: () => hasDelivered,
    outcome: () => {
      const [first, second] = passes
      if (step === "proved") return { countDiffers: (totalItems ?? 0) - (first?.rows ?? 0) }
      if (isOutside) return { fuller: undefined }
      // If the list changes meanwhile, one direction may show more rows without hiding any.
      const isMore = second && first && second.rows > first.rows && !Number.isNaN(totalItems)
      return { fuller: isMore ? "DESC" : "ASC" }
    },
  }

  function passQuery(): MembersQuery {
    const pass = passes.at(-1)
    return { ...query, direction: pass?.direction, offset: pass?.rows ?? 0 }
  }

  /** Whether anything has changed since before the first pass. */
  function lookQuery(): MembersQuery {
    return { ...query, since: unchangedSince, before: undefined, direction: "ASC", offset: 0, count: 1 }
  }

  /** A member dated ahead of both clocks did not change meanwhile, because a change gives the current second. */
  function hasChanged(page: Page): boolean {
    // rule: a member dated ahead did not change meanwhile
    return page.length > 0 && (page.second(0) ?? 0) <= lastPossibleSecond(page.sentAt, marginS)
  }

  function startPass(direction: Direction, isDelivered: boolean): void {
    hasDelivered ||= isDelivered
    passes.push({ direction, isDelivered, sum: createIdSum(), rows: 0 })
  }

  function receiveOfPass(page: Page): Selected {
    const pass = passes.at(-1)
    if (!pass) return NOTHING
    totalItems = (totalItems ?? page.totalItems) === page.totalItems ? page.totalItems : Number.NaN
    isOutside = hasRowOutside(page)
    if (isOutside) {
      end("failed")
      return NOTHING
    }
    const isEnd = page.length === 0 || reachesEnd(page, pass.rows)
    // Two empty truncated responses would look the same.
    const isEmptyButCounted = page.length === 0 && pass.rows === 0 && page.totalItems > 0
    repeats = isEmptyButCounted ? repeats + 1 : 0
    // rule: two empty truncated responses do not prove that there are no rows
    if (isEmptyButCounted && repeats <= MAX_REPEATS) {
      return NOTHING
    }
    const { length, isTruncated } = countToTake(page, isEnd)
    isTorn ||= page.length > 0 && pass.truncatedAt !== undefined && pass.truncatedAt.second === page.second(0)
    pass.truncatedAt = isTruncated ? { second: page.second(length - 1) } : undefined
    addRows(pass.sum, page, 0, length, horizon)
    pass.rows += length
    // If Mailchimp ignored `offset`, the pass would never end.
    if (pass.rows > 2 * page.totalItems + page.count) end("failed")
    else if (isEnd) finishPass(pass, page)
    return pass.isDelivered
      ? selectRows(page, length, { headEnd: 0, known: new Map(), openStart: length }, versions)
      : NOTHING
  }

  /** Whether Mailchimp ignored a date filter. */
  function hasRowOutside(page: Page): boolean {
    const { since = Number.NEGATIVE_INFINITY, before = Number.POSITIVE_INFINITY } = query
    return [0, page.length - 1].some((edge) => {
      const second = page.second(edge)
      return second !== undefined && (second <= since || second > before)
    })
  }

  function finishPass(pass: Pass, page: Page): void {
    const [first] = passes
    if (!first || passes.length === 1) {
      startPass("DESC", false)
      return
    }
    // rule: a count is wrong only if both directions show the same rows
    if (isTorn || !isSame(first, pass) || Number.isNaN(totalItems)) {
      tryAgain(page)
      return
    }
    const isDelivered =
      passes.some(({ isDelivered }) => isDelivered) ||
      // rule: the rows that both directions show were delivered, or are delivered now
      (delivered !== undefined && isSame(delivered, first))
    if (isDelivered) step = "look"
    else startPass("ASC", true)
  }

  function tryAgain({ sentAt }: Page): void {
    if (attempts === MAX_ATTEMPTS) {
      end("failed")
      return
    }
    attempts += 1
    const second = closesAt(sentAt.latest, marginS)
    next = { notBefore: { second, maxS: second - sentAt.latest } }
    step = "pass"
    totalItems = undefined
    unchangedSince = undefined
    isTorn = false
    passes = []
    startPass("ASC", delivered === undefined)
  }

  function end(outcome: "proved" | "failed"): void {
    step = outcome
    next = undefined
  }
}

/**
 * How many rows of a page to take, so that each second is taken from one response: tied rows may change their order between
 * two responses. The page after a full one begins with its last second, unless that second fills the page. A truncated page
 * may be the last one if the count is wrong, so all of it is taken, and the next page is checked for its last second.
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

function isSame(one: Content, other: Content): boolean {
  return one.rows === other.rows && isSameSum(one.sum, other.sum)
}
