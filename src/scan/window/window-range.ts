import type { MembersQuery, Moment, Page, Second } from "../source.ts"
import { lastPossibleSecond } from "../watermark.ts"

export type Rest = {
  readonly rows: number
  readonly pageRows: number
  /** The query for all of them, including the rows of the last page's last second. */
  readonly query: MembersQuery
}

/** A query without an offset, in ascending order. */
export type RangeQuery = Omit<MembersQuery, "offset">

export type WindowRangeOptions = {
  readonly listId: string
  readonly status?: string | undefined
  /** The last second to read. If missing, the reading continues to the end of the list at that time. */
  readonly until?: Second | undefined
  /** How many seconds before Mailchimp's clock a second counts as closed. */
  readonly marginS: number
}

/**
 * The end of a window. A split moves it, and so do members dated ahead of both clocks: their boundary is the last second
 * before them, and the window is read up to it once they are read. Once the boundary is past, changes are after it as well.
 */
export type WindowRange = {
  /** The last second to read. Undefined if there is no such limit. */
  until(): Second | undefined
  moveEnd(until: Second): void
  /** Takes the query for what is after `since` in the window. */
  nextQuery(since: Second): MembersQuery
  /** Records the count in the response to that query. */
  count(page: Page): void
  /** How many rows remain after `since`. Undefined while unknown, e.g. if the end was moved since the last query. */
  rest(since: Second): Rest | undefined
  /** The query for (since, before], or without an upper bound. */
  between(since: Second, before: Second | undefined): RangeQuery
  /** The boundary. Infinity if no members dated ahead were found. */
  boundary(): Second
  /** Whether a change can have a second after the boundary by now. */
  isPast(sentAt: Moment): boolean
  /** Ends the window at the boundary. Returns the query for the members after it. */
  separate(boundary: Second): RangeQuery
  /** The same with a boundary after all seconds that a change can have by now. Undefined if it has moved too often. */
  separateAgain(sentAt: Moment): RangeQuery | undefined
  /** If the window ends at a boundary that is past, moves both. */
  extend(sentAt: Moment): "extended" | "ended" | "too_often"
}

/** How often the boundary may move. Without a limit a reading might follow new changes forever. */
const MAX_MOVES = 3

export function createWindowRange(options: WindowRangeOptions): WindowRange {
  const { listId, status, marginS } = options
  let { until } = options
  let boundary = Number.POSITIVE_INFINITY
  let moves = 0
  let queriedUntil = until
  let counted: (Omit<Rest, "query"> & { readonly until: Second | undefined }) | undefined

  return {
    until: () => until,
    moveEnd: (second) => (until = second),
    nextQuery: (since) => {
      queriedUntil = until
      return queryAfter(since)
    },
    count: ({ totalItems, length, count }) => {
      counted = { rows: totalItems - length, pageRows: count, until: queriedUntil }
    },
    rest: (since) =>
      counted?.until === until ? counted && { ...counted, query: queryAfter(since) } : undefined,
    between,
    boundary: () => boundary,
    isPast,
    separate,
    separateAgain: (sentAt) => {
      if (!mayMove()) return undefined
      until = options.until
      return separate(lastPossibleSecond(sentAt, marginS))
    },
    extend: (sentAt) => {
      // rule: changes after the boundary are read
      if (until !== boundary || !isPast(sentAt)) return "ended"
      if (!mayMove()) return "too_often"
      boundary = lastPossibleSecond(sentAt, marginS)
      until = Math.min(boundary, options.until ?? Number.POSITIVE_INFINITY)
      return "extended"
    },
  }

  function queryAfter(since: Second): MembersQuery {
    // The upper bound is not documented as inclusive. Later rows are dropped.
    // rule: a query's upper bound is one second after the last second that is read
    const before = until === undefined ? undefined : until + 1
    return { ...between(since, before), offset: 0 }
  }

  function between(since: Second, before: Second | undefined): RangeQuery {
    const finite = Number.isFinite(since) ? since : undefined
    return { listId, status, since: finite, before, sort: "last_changed" }
  }

  function isPast({ latest }: Moment): boolean {
    return latest > boundary
  }

  function separate(second: Second): RangeQuery {
    const query = between(second, until)
    boundary = second
    until = second
    return query
  }

  function mayMove(): boolean {
    moves += 1
    return moves <= MAX_MOVES
  }
}
