import { type OpenVersions, type Selected, selectRows } from "../deduplicate.ts"
import { type PageRequest, type Reading, MAX_REPEATS, NOTHING, reachesEnd } from "../reading.ts"
import { createAttempt } from "./recount-attempt.ts"
import type { Content, Direction, Pass } from "./recount-pass.ts"
import type { MembersQuery, Page, Second } from "../source.ts"
import { closesAt, lastPossibleSecond } from "../watermark.ts"

export type RecountOptions = {
  /** The query for all rows to compare, without a direction and an upper bound. */
  readonly query: Omit<MembersQuery, "offset" | "direction" | "before">
  /** The last second of the rows that were requested, if the caller set an upper bound. */
  readonly until: Second | undefined
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

/** A list that changes during the recount proves nothing, so it is compared once more. */
const MAX_ATTEMPTS = 2

/**
 * Finds out whether rows are missing or Mailchimp counts rows that do not exist: reads all rows plainly by offset, once in each
 * direction. If both passes show the same rows, and nothing has changed since before the first pass, the count is wrong. If
 * these rows were delivered, nothing is delivered again; otherwise a pass delivers every row.
 */
export function createRecount(options: RecountOptions): Recount {
  const { until, delivered, marginS, versions } = options
  // Like a window: whether `before` includes its own second makes no difference.
  const query = { ...options.query, before: until === undefined ? undefined : until + 1 }
  let attempt = createAttempt(delivered === undefined, options)
  let attempts = 1
  let next: Omit<PageRequest, "query"> | undefined = {}
  let step: "passes" | "changes" | "proved" | "failed" = "passes"
  let hasDelivered = delivered === undefined
  let repeats = 0
  let isOutside = false

  return {
    nextRequest: () => {
      if (!next) return undefined
      const isLast = step === "changes"
      const request = { query: isLast ? changesAfter(attempt.unchangedSince(), query) : passQuery(), ...next }
      next = undefined
      return request
    },
    receive: (page) => {
      next = {}
      if (step === "passes") return receiveOfPass(attempt.pass(), page)
      if (hasChanged(page, marginS)) tryAgain(page)
      else end("proved")
      return NOTHING
    },
    isDone: () => step === "proved" || step === "failed",
    isDelivered: () => hasDelivered,
    outcome: () => {
      const [first = 0, second = 0] = attempt.rows()
      if (step === "proved") return { countDiffers: attempt.totalItems() - first }
      if (isOutside) return { fuller: undefined }
      // If the list changes meanwhile, one direction may show more rows without hiding any.
      return { fuller: second > first && !Number.isNaN(attempt.totalItems()) ? "DESC" : "ASC" }
    },
  }

  function passQuery(): MembersQuery {
    const { direction, content } = attempt.pass()
    return { ...query, direction, offset: content().rows }
  }

  function receiveOfPass(pass: Pass, page: Page): Selected {
    attempt.observe(page)
    isOutside = hasRowOutside(page, query)
    if (isOutside) end("failed")
    if (isOutside || mustRepeat(pass, page)) return NOTHING
    const isEnd = page.length === 0 || reachesEnd(page, pass.content().rows)
    const requested = pass.take(page, isEnd)
    // If Mailchimp ignored `offset`, the pass would never end.
    if (pass.content().rows > 2 * page.totalItems + page.count) end("failed")
    // The last attempt continues all the same, to find out which direction shows more.
    else if (!attempt.canProve() && attempts < MAX_ATTEMPTS) tryAgain(page)
    else if (isEnd) finishPass(page)
    if (!pass.isDelivered) return NOTHING
    return selectRows(page, requested, { headEnd: 0, known: new Map(), openStart: requested }, versions)
  }

  function mustRepeat(pass: Pass, page: Page): boolean {
    const isEmptyButCounted = page.length === 0 && pass.content().rows === 0 && page.totalItems > 0
    repeats = isEmptyButCounted ? repeats + 1 : 0
    // rule: two empty truncated responses do not prove that there are no rows
    return isEmptyButCounted && repeats <= MAX_REPEATS
  }

  function finishPass(page: Page): void {
    const judgement = attempt.judge(delivered)
    if (judgement === "compare") attempt.startPass("DESC", false)
    if (judgement === "again") tryAgain(page)
    if (judgement === "done") step = "changes"
    if (judgement !== "deliver") return
    hasDelivered = true
    attempt.startPass("ASC", true)
  }

  function tryAgain({ sentAt }: Page): void {
    attempts += 1
    if (attempts > MAX_ATTEMPTS) return end("failed")
    const second = closesAt(sentAt.latest, marginS)
    next = { notBefore: { second, maxS: second - sentAt.latest } }
    step = "passes"
    attempt = createAttempt(delivered === undefined, options)
  }

  function end(outcome: "proved" | "failed"): void {
    step = outcome
    next = undefined
  }
}

/** The query for a row that has changed after this second. */
function changesAfter(since: Second | undefined, query: RecountOptions["query"]): MembersQuery {
  return { ...query, since, before: undefined, direction: "ASC", offset: 0, count: 1 }
}

/** Whether anything has changed meanwhile. A member dated ahead of both clocks has not: a change gives the current second. */
function hasChanged(page: Page, marginS: number): boolean {
  // rule: a member dated ahead is not taken for a change
  return page.length > 0 && (page.second(0) ?? 0) <= lastPossibleSecond(page.sentAt, marginS)
}

/** Whether Mailchimp ignored a date filter. */
function hasRowOutside(page: Page, query: Pick<MembersQuery, "since" | "before">): boolean {
  const { since = Number.NEGATIVE_INFINITY, before = Number.POSITIVE_INFINITY } = query
  return [0, page.length - 1].some((edge) => {
    const second = page.second(edge)
    return second !== undefined && (second <= since || second > before)
  })
}
