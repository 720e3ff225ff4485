import { createPassComparison } from "./compare-passes.ts"
import { type KnownRows, type OpenVersions, type Selected, selectRows } from "../deduplicate.ts"
import { COUNT, type Part, countPages, createOffsetParts } from "./offset-parts.ts"
import { createPassLimit } from "./pass-limit.ts"
import type { ShownPage, ShownRow } from "./pass-order.ts"
import {
  type Delay,
  type Lack,
  type PageRequest,
  type Reading,
  MAX_REPEATS,
  NOTHING,
  countUpTo,
  pauseBefore,
  reachesEnd,
} from "../reading.ts"
import { createShownRows } from "./shown-rows.ts"
import type { MembersQuery, Page, Second } from "../source.ts"

export type OffsetReading = Reading & {
  /** Why the reading ended before all counted rows were seen, if so. */
  lack(): Lack | undefined
}

/**
 * What is read. `tied`: a closed second, by a query that is limited to it. `undated`: the rows without a date, up to the
 * first row with one. `ahead`: the rows dated ahead of the clocks. `all`: all rows of a list, whatever their dates.
 */
type Kind = "tied" | "undated" | "ahead" | "all"

type OffsetReadingOptions = {
  /** How many rows a page has. If missing, the first page also provides the count. */
  readonly pageRows?: number | undefined
  /** For all rows: whether a row changed after the reading began. */
  readonly isChanged?: (page: Page, index: number) => boolean
}

type Requested = {
  /** Undefined for the request without an upper bound. */
  readonly part: Part | undefined
  /** How many responses had arrived when the request was sent. */
  readonly after: number
}

/**
 * Reads rows by offset that no date can tell apart, in passes, until it is proved that all were shown: README.md has the
 * proofs. All but the group of all rows of a list can only lose rows, because a change gives a row the current second.
 *
 * @param query the query for just this second, (second - 1, second]; or for all rows, those without a date first
 * @param known the rows that were delivered before; new ones are added
 */
export function createOffsetReading(
  query: Omit<MembersQuery, "offset">,
  kind: Kind,
  known: KnownRows,
  versions: OpenVersions,
  { pageRows, isChanged }: OffsetReadingOptions = {},
): OffsetReading {
  const parts = createOffsetParts(pageRows === undefined ? "pass" : "count")
  const requested = new Map<PageRequest, Requested>()
  const shown = createShownRows(known, isChanged)
  const comparison = createPassComparison(kind !== "all")
  const limit = createPassLimit()
  let pass: ShownPage[] = []
  /** The second has no rows any more, or Mailchimp's `before` is no longer inclusive: one row is requested without it. */
  let isEmpty = false
  let unboundedRequests = 0
  let ended: "complete" | Lack | undefined

  return {
    nextRequest: () => {
      if (ended) return undefined
      const part = parts.take()
      if (part === COUNT) return note({ query: { ...query, offset: 0, count: 1 } }, part)
      if (part) return note({ query: { ...query, offset: part.offset }, ...pause(part.repeats) }, part)
      if (!isEmpty || requested.size > 0) return undefined
      const unbounded = { ...query, before: undefined, offset: 0, count: 1 }
      return note({ query: unbounded, ...pause(unboundedRequests) }, undefined)
    },
    receive: (page, request) => {
      const { part, after } = requested.get(request) ?? { part: undefined, after: 0 }
      requested.delete(request)
      return part ? receivePart(page, part, after) : receiveUnbounded(page)
    },
    isDone: () => ended !== undefined && requested.size === 0,
    lack: () => (ended !== "complete" ? ended : shown.hasChanged() ? "count" : undefined),
  }

  function note(request: PageRequest, part: Part | undefined): PageRequest {
    requested.set(request, { part, after: shown.responses() })
    return request
  }

  function receivePart(response: Page, part: Part, after: number): Selected {
    const page = kind === "undated" ? withoutDated(response, part.offset) : response
    const end = query.before === undefined ? page.length : countUpTo(page, page.length, query.before)
    const openStart = kind === "ahead" ? 0 : end
    const selected = selectRows(page, end, { headEnd: end, known, openStart }, versions)
    const rows = shown.note(page, end, after)
    parts.note({ count: part === COUNT && pageRows ? pageRows : page.count, totalItems: page.totalItems })
    if (ended) return selected
    // If Mailchimp ignored `before`, no total would be the count of this second.
    // rule: a tied second whose upper bound is ignored is short
    if (end < page.length) ended = "rules"
    else if (page.length === 0 && page.totalItems === 0) receiveNothing()
    else if (shown.missing() === 0 || isAlone(page, part)) ended = "complete"
    else if (part === COUNT) parts.restart()
    else continuePass(part, page, rows)
    return selected
  }

  function receiveNothing(): void {
    // rule: a tied second that is gone is requested without an upper bound
    if (shown.responses() === 1 && kind === "tied") isEmpty = true
    else ended = "complete"
  }

  function receiveUnbounded(page: Page): Selected {
    unboundedRequests += 1
    ended = judgeEmpty(page, query.before, unboundedRequests)
    return NOTHING
  }

  /** Whether one response, which is of one moment, shows every row from the first to the last. */
  function isAlone(page: Page, { offset }: Part): boolean {
    return kind !== "all" && offset === 0 && reachesEnd(page, 0)
  }

  function continuePass(part: Part, page: Page, rows: readonly ShownRow[]): void {
    pass.push({ offset: part.offset, rows, isEnd: reachesEnd(page, part.offset) })
    if (!parts.receive(part, page)) ended = "count"
    if (parts.isEmpty() && requested.size === 0) finishPass(page)
  }

  function finishPass(page: Page): void {
    const progress = { total: page.totalItems, missing: shown.missing() }
    // rule: a tied second is read again until all counted rows were shown
    if (comparison.provesAll(pass, shown.totals(pass.length))) ended = "complete"
    else if (limit.isReached(progress, shown.responses() / countPages(page))) ended = "count"
    pass = []
    parts.restart()
  }
}

/** Drops the rows with a date. If there is one, the rows before it are all rows without a date. */
function withoutDated(page: Page, offset: number): Page {
  let length = 0
  while (length < page.length && page.second(length) === undefined) length += 1
  return length === page.length ? page : { ...page, length, totalItems: offset + length }
}

/** How a reading ends whose second has no rows, by the first row without an upper bound. Undefined: request that again. */
function judgeEmpty(page: Page, second: Second | undefined, requests: number): "complete" | Lack | undefined {
  const isEmptyButCounted = page.length === 0 && page.totalItems > 0
  if (isEmptyButCounted) return requests > MAX_REPEATS ? "count" : undefined
  return page.length > 0 && page.second(0) === second ? "rules" : "complete"
}

function pause(repeats: number): Delay {
  return repeats > 0 ? { pauseS: pauseBefore(repeats) } : {}
}
