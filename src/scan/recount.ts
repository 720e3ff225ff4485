import { closesAt, watermarkAt, lastPossibleSecond } from "./watermark.ts"
import { type OpenVersions, type Selected, selectRows } from "./deduplicate.ts"
import { addRows } from "./add-rows.ts"
import { type IdSum, createIdSum, isSameSum } from "../lib/id-sum.ts"
import { type PageRequest, type Reading, MAX_REPEATS, NOTHING, reachesEnd } from "./reading.ts"
import type { MembersQuery, Page, Second } from "./source.ts"

export type Direction = "ASC" | "DESC"

/** How many rows there are, and which: see {@link IdSum}. */
type Content = { readonly rows: number; readonly sum: IdSum }

export type RecountOptions = {
  /** All rows that are to be compared, in no direction yet. */
  readonly query: Omit<MembersQuery, "offset" | "direction">
  /** What was delivered of them; undefined where a part was delivered before a break. */
  readonly delivered: Content | undefined
  /** The last closed second when the export began. */
  readonly horizon: Second
  readonly marginS: number
  readonly versions: OpenVersions
}

export type Recount = Reading & {
  /**
   * Once it is done: by how many rows Mailchimp's count is too high, where that is proved, and all rows that there are were
   * delivered. Otherwise the direction in which more rows were seen; none if rows came that were not asked for.
   */
  outcome(): { readonly countDiffers: number } | { readonly fuller: Direction | undefined }
  /** Whether it has delivered rows. */
  isDelivered(): boolean
}

type Pass = {
  readonly direction: Direction
  readonly isDelivered: boolean
  readonly sum: IdSum
  rows: number
  /** The last second of a page that was cut short: if the next one begins with it, two responses show parts of it. */
  cutAt?: { readonly second: Second | undefined } | undefined
}

/** A list that changes meanwhile proves nothing, and is compared once more. */
const MAX_ATTEMPTS = 2

/**
 * Finds out whether rows are missing or Mailchimp counts rows that do not exist: reads everything plainly by offset, once in
 * each direction, and compares the two. A row that either direction hides shows, and so does a change meanwhile. If both see
 * the same rows, and nothing has changed since before the first, the count is wrong, and there are no other rows.
 *
 * If the same rows were delivered, each once, nothing is delivered again. Otherwise a pass delivers every row.
 */
export function createRecount(options: RecountOptions): Recount {
  const { query, delivered, horizon, marginS, versions } = options
  let passes: Pass[] = []
  /** Mailchimp's count, which must be the same in every response; NaN where it was not. */
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
      // Of a list that changes meanwhile, one may well show more.
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

  /** Who is dated ahead of both clocks was not changed meanwhile: a change gives the present second. */
  function hasChanged(page: Page): boolean {
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
    // Two responses that were cut to nothing would look alike.
    const isUnanswered = page.length === 0 && pass.rows === 0 && page.totalItems > 0
    repeats = isUnanswered ? repeats + 1 : 0
    if (isUnanswered && repeats <= MAX_REPEATS) {
      return NOTHING
    }
    const { length, isCut } = countToTake(page, isEnd)
    isTorn ||= page.length > 0 && pass.cutAt !== undefined && pass.cutAt.second === page.second(0)
    pass.cutAt = isCut ? { second: page.second(length - 1) } : undefined
    addRows(pass.sum, page, 0, length, horizon)
    pass.rows += length
    // An offset that is not heeded would lead to no end.
    if (pass.rows > 2 * page.totalItems + page.count) end("failed")
    else if (isEnd) finishPass(pass, page)
    return pass.isDelivered
      ? selectRows(page, length, { headEnd: 0, known: new Map(), openStart: length }, versions)
      : NOTHING
  }

  /** Whether a filter of dates is not heeded. */
  function hasRowOutside(page: Page): boolean {
    const { since = Number.NEGATIVE_INFINITY, before = Number.POSITIVE_INFINITY } = query
    return [0, page.length - 1].some((edge) => {
      const second = page.second(edge)
      return second !== undefined && (second <= since || second > before)
    })
  }

  function finishPass(pass: Pass, page: Page): void {
    const [first] = passes
    if (!first || passes.length === 1) startPass("DESC", false)
    else if (isTorn || !isSame(first, pass) || Number.isNaN(totalItems)) tryAgain(page)
    else if (passes.some(({ isDelivered }) => isDelivered) || (delivered && isSame(delivered, first)))
      step = "look"
    else startPass("ASC", true)
  }

  function tryAgain({ sentAt }: Page): void {
    if (attempts === MAX_ATTEMPTS) {
      end("failed")
      return
    }
    attempts += 1
    const second = closesAt(sentAt.latest, marginS)
    next = { notBefore: { second, mostS: second - sentAt.latest } }
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
 * How many rows of a page to take, so that one response shows all of each second: between two, rows that tie may change
 * places. The next page begins with the last second of a full one, unless that fills it. A page that was cut short may be
 * the last one if the count is wrong, so it is taken, and its last second is looked for in the next one.
 */
function countToTake({ length, count, second }: Page, isEnd: boolean): { length: number; isCut: boolean } {
  const last = second(length - 1)
  let rows = length
  while (rows > 0 && second(rows - 1) === last) rows -= 1
  if (isEnd || rows === 0) return { length, isCut: false }
  return length === count ? { length: rows, isCut: false } : { length, isCut: true }
}

function isSame(one: Content, other: Content): boolean {
  return one.rows === other.rows && isSameSum(one.sum, other.sum)
}
