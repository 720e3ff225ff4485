import { closesAt, lastClosedSecond } from "./closed.ts"
import { type OffsetReading, createOffsetReading } from "./offset-reading.ts"
import { type OpenVersions, type Range, countRows, selectRows } from "./delivery.ts"
import type { Place } from "./place.ts"
import { type Question, type Reading, MAX_REPEATS, countUpTo, pauseBefore, reachesEnd } from "./reading.ts"
import type { MembersQuery, Page, Second } from "./source.ts"

export type WindowOptions = {
  readonly listId: string
  readonly status?: string | undefined
  readonly from: Place
  /** The last second to read; without it the reading goes on to the end of the list, as it is then. */
  readonly until?: Second | undefined
  /** How many seconds before Mailchimp's clock a second counts as closed. */
  readonly marginS: number
  /** Shared by all readings of a list. */
  readonly versions: OpenVersions
}

type Rest = {
  readonly rows: number
  readonly pageRows: number
  /** The question for all of them, those of the last page's last second included. */
  readonly query: MembersQuery
}

export type WindowReading = Reading & {
  /** Where to go on after a break, once what was received is written. */
  place(): Place
  until(): Second | undefined
  /** Ends the reading earlier: what lies behind is another's from now on. Only at a closed second that is not read yet. */
  cut(until: Second): void
  /** How many rows are still to come after those received, by Mailchimp's count; undefined while nothing tells. */
  rest(): Rest | undefined
  /** The second that it reads by offset now, as that fills a page by itself. What lies behind can be read meanwhile. */
  crowded(): Second | undefined
  /** The last second whose members were all delivered when the last answer was asked for, in that version or a newer one. */
  asOf(): Second
  /** Rows may be missing: Mailchimp counted more than it gave, or an open second never came to rest. */
  isShort(): boolean
  /** An answer did not begin after its `since`, as Mailchimp's do today. It costs nothing but repeats. */
  hasOddSince(): boolean
}

/** How many margins a reading may spend at open seconds: a bulk edit that never ends would keep it for ever. */
const MAX_MARGINS = 6
/** How many times over it may deliver as many rows as are counted: members that change faster than they are read have no end. */
const MAX_ROUNDS = 10

/** No member was changed before. */
const FIRST_SECOND = 0

/**
 * Reads a range of `last_changed` while the list changes, and misses nothing. Each page is anchored by value: it starts
 * at the last second that the page before reached, as far as that is closed, with the offset always at 0. A row that
 * changes meanwhile moves behind all others and is met there; rows that were delivered of the anchor's second are
 * dropped. A place, as an offset is one, would lose a row for every row before it that moves away.
 */
export function createWindowReading(options: WindowOptions): WindowReading {
  const { listId, status, from, marginS, versions } = options
  let { until } = options
  let anchor = from.since
  /** Of the second after the anchor, where it is closed, the ids delivered: they come again with the next page. */
  let knownIds = new Set<string>()
  let crowded: OffsetReading | undefined
  let next: Omit<Question, "query"> | undefined = {}
  let isAsked = false
  let openSince: Second | undefined
  let openEnds = 0
  let delivered = 0
  let mostCounted = 0
  let repeats = 0
  let asOf = Number.NEGATIVE_INFINITY
  let isShort = false
  let hasOddSince = false
  let rest: (Omit<Rest, "query"> & { readonly until: Second | undefined }) | undefined
  let askedUntil = until

  return {
    nextQuestion: () => {
      if (crowded) return crowded.nextQuestion()
      if (isAsked || !next) return undefined
      isAsked = true
      askedUntil = until
      return { query: questionRange(), ...next }
    },
    receive: (page, question) =>
      crowded ? receiveOfCrowded(crowded, page, question) : receiveOfAnchor(page),
    isDone: () => !next && !crowded,
    place: () => ({ since: anchor }),
    until: () => until,
    cut: (second) => (until = second),
    rest: () => {
      // Until a page has shown that the rows begin with a date, those without one may be still to come.
      const isTold = rest && rest.until === until && Number.isFinite(anchor) && !crowded
      return rest && isTold ? { ...rest, query: questionRange() } : undefined
    },
    crowded: () => (crowded && Number.isFinite(anchor) ? anchor + 1 : undefined),
    asOf: () => asOf,
    isShort: () => isShort,
    hasOddSince: () => hasOddSince,
  }

  /** Up to a second more than is read, as nothing documents that the bound is inclusive. What lies behind is dropped here. */
  function questionRange(): MembersQuery {
    return { ...range(until === undefined ? undefined : until + 1), offset: 0 }
  }

  function range(before: Second | undefined) {
    const since = Number.isFinite(anchor) ? anchor : undefined
    return { listId, status, since, before, sort: "last_changed" } as const
  }

  function receiveOfAnchor(page: Page): readonly Range[] {
    const closed = lastClosedSecond(page.askedAt, marginS)
    isAsked = false
    asOf = closed
    rest = { rows: page.totalItems - page.length, pageRows: page.count, until: askedUntil }
    const first = page.length > 0 ? page.second(0) : undefined
    hasOddSince ||= first !== undefined && first <= anchor
    const end = until === undefined ? page.length : countUpTo(page, page.length, until)
    const headEnd = countHead(page, anchor + 1)
    const openStart = countUpTo(page, end, closed)
    const ranges = selectRows(page, end, { headEnd, knownIds, openStart }, versions)
    // Were `since` not heeded at all, each page would be the first one, for ever.
    if (first !== undefined && first < anchor) next = endShort()
    else next = end < page.length || reachesEnd(page, 0) ? undefined : questionAfter(page, closed, ranges)
    for (let index = openStart - 1; page.second(index) === anchor + 1; index -= 1)
      addKey(knownIds, page.id(index))
    return ranges
  }

  function questionAfter(
    page: Page,
    closed: Second,
    ranges: readonly Range[],
  ): Omit<Question, "query"> | undefined {
    const last = lastSecond(page)
    if (ranges.length > 0) repeats = 0
    if (isOutrun(page, ranges)) return endShort()
    if (last !== undefined && last > closed && isRestless(page.askedAt)) return endShort()
    if (last !== undefined && Math.min(last, closed) - 1 > anchor) {
      anchor = Math.min(last, closed) - 1
      knownIds = new Set()
      return {}
    }
    if (last !== undefined && last > closed) return { notBefore: closesAt(last, marginS) }
    if (last === undefined && page.length > 0) return readUndated()
    if (page.length >= page.count) {
      crowded = createOffsetReading(range(last), "second", knownIds, versions, page.count)
      return {}
    }
    if (ranges.length > 0) return {}
    repeats += 1
    return repeats > MAX_REPEATS ? endShort() : { pauseS: pauseBefore(repeats) }
  }

  function receiveOfCrowded(second: OffsetReading, page: Page, question: Question): readonly Range[] {
    const ranges = second.receive(page, question)
    if (Number.isFinite(anchor)) asOf = lastClosedSecond(page.askedAt, marginS)
    if (!second.isDone()) return ranges
    isShort ||= second.isShort()
    anchor = Math.max(anchor + 1, FIRST_SECOND)
    knownIds = new Set()
    crowded = undefined
    next = anchor !== until || hasOddSince ? {} : undefined
    return ranges
  }

  /** Rows without a date come before all others. A filter of dates, whatever it is, leaves them out from then on. */
  function readUndated(): Omit<Question, "query"> | undefined {
    if (Number.isFinite(anchor)) return endShort()
    crowded = createOffsetReading(range(undefined), "undated", knownIds, versions)
    return {}
  }

  /** Whether the pages have been ending in open seconds for too long, be they waited for or followed as they close. */
  function isRestless(askedAt: Second): boolean {
    openSince ??= askedAt
    openEnds += 1
    // Without a clock, should no answer bear a date, the difference is no number, and no second would ever close.
    return openEnds > MAX_MARGINS && !(askedAt - openSince <= MAX_MARGINS * Math.max(marginS, 1))
  }

  /** Whether members change faster than they are read, so that not even the open seconds come in sight. */
  function isOutrun({ length, totalItems }: Page, ranges: readonly Range[]): boolean {
    delivered += countRows(ranges)
    mostCounted = Math.max(mostCounted, length, totalItems)
    return delivered > MAX_ROUNDS * mostCounted
  }

  function endShort(): undefined {
    isShort = true
  }
}

/** A row without a key is not known by it. */
function addKey(ids: Set<string>, id: string | undefined): void {
  if (id !== undefined) ids.add(id)
}

/** The second of the last row that has one. */
function lastSecond(page: Page): Second | undefined {
  for (let index = page.length - 1; index >= 0; index -= 1) {
    const second = page.second(index)
    if (second !== undefined) return second
  }
  return undefined
}

/** How many rows at the head of a page are of this second or before. */
function countHead(page: Page, second: Second): number {
  let rows = 0
  while (rows < page.length && (page.second(rows) ?? Number.NEGATIVE_INFINITY) <= second) rows += 1
  return rows
}
