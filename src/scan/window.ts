import { closesAt, watermarkAt, lastPossibleSecond, longestWaitS } from "./watermark.ts"
import { type OffsetReading, createOffsetReading } from "./offset-reading.ts"
import {
  type KnownRows,
  type OpenVersions,
  type Selected,
  countNew,
  countRows,
  createKeys,
  selectRows,
} from "./deduplicate.ts"
import type { Position } from "./position.ts"
import {
  type Lack,
  type PageRequest,
  type Reading,
  MAX_REPEATS,
  countUpTo,
  pauseBefore,
  reachesEnd,
} from "./reading.ts"
import type { MembersQuery, Moment, Page, Second } from "./source.ts"

export type WindowOptions = {
  readonly listId: string
  readonly status?: string | undefined
  readonly from: Position
  /** The last second to read; without it the reading goes on to the end of the list, as it is then. */
  readonly until?: Second | undefined
  /** How many seconds before Mailchimp's clock a second counts as closed. */
  readonly marginS: number
  /** Shared by all readings of a list. */
  readonly versions: OpenVersions
}

export type Rest = {
  readonly rows: number
  readonly pageRows: number
  /** The question for all of them, those of the last page's last second included. */
  readonly query: MembersQuery
}

export type WindowReading = Reading & {
  /** Where to go on after a break, once what was received is written. */
  position(): Position
  until(): Second | undefined
  /** Ends the reading earlier: what lies behind is another's from now on. Only at a closed second that is not read yet. */
  split(until: Second): void
  /** How many rows are still to come after those received, by Mailchimp's count; undefined while nothing tells. */
  rest(): Rest | undefined
  /** The second that it reads by offset now, as that fills a page by itself. What lies behind can be read meanwhile. */
  tiedSecond(): Second | undefined
  /** The last second whose members were all delivered when the last answer was asked for, in that version or a newer one. */
  asOf(): Second
  /** Why rows may be missing, if they may. */
  lack(): Lack | undefined
  /** An answer did not begin after its `since`, as Mailchimp's do today. It costs nothing but repeats. */
  hasOddSince(): boolean
  /** Members that are dated ahead of both clocks were read by offset. */
  hasDatedAhead(): boolean
}

/** How many pages may end in open seconds before the wait for them to close counts. */
const MAX_OPEN_ENDS = 6
/** How many times over it may deliver as many rows as are counted: members that change faster than they are read have no end. */
const MAX_ROUNDS = 10

/** How often a reading may go on to what has changed after those who are dated ahead were read. */
const MAX_EXTENSIONS = 3

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
  const mostWaitS = longestWaitS(marginS)
  let { until } = options
  let anchor = from.since
  /** The second after the anchor, where it is closed: what was delivered of it, as it comes again with the next page. */
  let known: KnownRows = new Map()
  let byOffset: { readonly reading: OffsetReading; readonly isAhead: boolean } | undefined
  let next: Omit<PageRequest, "query"> | undefined = {}
  let isRequested = false
  /** By the earlier clock, which may be put back: what was closed once is not read as if it were open. */
  let closed = Number.NEGATIVE_INFINITY
  let openSinceS: number | undefined
  let openEnds = 0
  let waitedS = 0
  let delivered = 0
  let mostCounted = 0
  let repeats = 0
  let before = { length: -1, totalItems: -1 }
  let asOf = Number.NEGATIVE_INFINITY
  let lack: Lack | undefined
  let hasOddSince = false
  let hasDatedAhead = false
  /** What is dated later, once that second is past, is for the next export. */
  let lastBeforeAhead = Number.POSITIVE_INFINITY
  let extensions = 0
  let rest: (Omit<Rest, "query"> & { readonly until: Second | undefined }) | undefined
  let requestedUntil = until

  return {
    nextRequest: () => {
      if (byOffset) return byOffset.reading.nextRequest()
      if (isRequested || !next) return undefined
      isRequested = true
      requestedUntil = until
      return { query: requestRange(), ...next }
    },
    receive: (page, request) => {
      closed = Math.max(closed, watermarkAt(page.sentAt.earliest, marginS))
      return byOffset ? receiveByOffset(byOffset, page, request) : receiveOfAnchor(page)
    },
    isDone: () => !next && !byOffset,
    position: () => ({ since: anchor }),
    until: () => until,
    split: (second) => (until = second),
    rest: () => {
      // Until a page has shown that the rows begin with a date, those without one may be still to come.
      const isTold = rest && rest.until === until && Number.isFinite(anchor) && !byOffset
      return rest && isTold ? { ...rest, query: requestRange() } : undefined
    },
    tiedSecond: () => (byOffset && !byOffset.isAhead && Number.isFinite(anchor) ? anchor + 1 : undefined),
    asOf: () => asOf,
    lack: () => lack,
    hasOddSince: () => hasOddSince,
    hasDatedAhead: () => hasDatedAhead,
  }

  /** Up to a second more than is read, as nothing documents that the bound is inclusive. What lies behind is dropped here. */
  function requestRange(): MembersQuery {
    return { ...range(until === undefined ? undefined : until + 1), offset: 0 }
  }

  function range(before: Second | undefined, since = anchor) {
    return {
      listId,
      status,
      since: Number.isFinite(since) ? since : undefined,
      before,
      sort: "last_changed",
    } as const
  }

  function receiveOfAnchor(page: Page): Selected {
    isRequested = false
    asOf = Math.min(closed, lastBeforeAhead)
    rest = { rows: page.totalItems - page.length, pageRows: page.count, until: requestedUntil }
    const first = page.length > 0 ? page.second(0) : undefined
    hasOddSince ||= first !== undefined && first <= anchor
    const end = until === undefined ? page.length : countUpTo(page, page.length, until)
    const headEnd = countHead(page, anchor + 1)
    const openStart = countUpTo(page, end, closed)
    const selected = selectRows(page, end, { headEnd, known, openStart }, versions)
    // Were `since` not heeded at all, each page would be the first one, for ever.
    if (first !== undefined && first < anchor) next = endWith("rules")
    else next = end < page.length || reachesEnd(page, 0) ? atEnd(page) : requestAfter(page, selected)
    noteKnown(page, openStart)
    return selected
  }

  /** What was delivered of the second after the anchor, the last one of the rows that are closed. */
  function noteKnown(page: Page, openStart: number): void {
    let start = openStart
    while (start > 0 && page.second(start - 1) === anchor + 1) start -= 1
    const keyOf = createKeys(page)
    for (let index = start; index < openStart; index += 1) {
      const { key, hasId } = keyOf(index)
      known.set(key, hasId ? page.fingerprint(index) : "")
    }
  }

  function requestAfter(page: Page, selected: Selected): Omit<PageRequest, "query"> | undefined {
    const last = lastSecond(page)
    const isNew = countNew(selected) > 0
    if (isNew) repeats = 0
    if (isOutrun(page, selected)) return endWith("rules")
    const boundary = lastPossibleSecond(page.sentAt, marginS)
    const isAhead = last !== undefined && last > boundary
    if (last !== undefined && last > closed && !isAhead && isRestless(page.sentAt)) return endWith("rules")
    if (advance(last) && !isAhead) return {}
    if (isAhead) return readAhead(boundary)
    if (last !== undefined && last > closed) return requestAfterOpen(page, last)
    if (last === undefined && page.length > 0) return readUndated()
    if (page.length >= page.count) {
      const reading = createOffsetReading(range(last), "second", known, versions, { pageRows: page.count })
      byOffset = { reading, isAhead: false }
      return {}
    }
    return isNew ? {} : requestAgain(page)
  }

  /** The next page begins with the last second of this one, as far as that is closed. False where that is no later second. */
  function advance(last: Second | undefined): boolean {
    if (last === undefined || Math.min(last, closed) - 1 <= anchor) return false
    anchor = Math.min(last, closed) - 1
    known = new Map()
    return true
  }

  /** Waits for an open second to close, unless it has waited too long already. */
  function requestAfterOpen(page: Page, last: Second): Omit<PageRequest, "query"> | undefined {
    const mostS = Math.min(closesAt(last, marginS) - page.sentAt.earliest, mostWaitS - waitedS)
    waitedS += mostS
    return mostS > 0 ? { notBefore: { second: closesAt(last, marginS), mostS } } : endWith("rules")
  }

  /**
   * Members that are dated ahead of both clocks, by a server whose clock is wrong or by an import: no wait would do. They
   * only lose rows, because a change gives a member the present second. So they are read by offset, and then what is left
   * before them, where those who left them are met.
   */
  function readAhead(boundary: Second): Omit<PageRequest, "query"> {
    hasDatedAhead = true
    const reading = createOffsetReading(range(until, boundary), "ahead", new Map(), versions)
    byOffset = { reading, isAhead: true }
    until = boundary
    lastBeforeAhead = boundary
    return {}
  }

  /** Members that were changed after the second before those dated ahead, as that is past by now, are still to be met. */
  function atEnd(page: Page): Omit<PageRequest, "query"> | undefined {
    const { sentAt } = page
    if (until !== lastBeforeAhead || sentAt.latest <= lastBeforeAhead) return undefined
    advance(lastSecond(page))
    extensions += 1
    if (extensions > MAX_EXTENSIONS) return endWith("rules")
    lastBeforeAhead = lastPossibleSecond(sentAt, marginS)
    until = Math.min(lastBeforeAhead, options.until ?? Number.POSITIVE_INFINITY)
    return {}
  }

  /** A page brought nothing new although more rows are counted: it may have been cut short, or the count is wrong. */
  function requestAgain({ length, totalItems }: Page): Omit<PageRequest, "query"> | undefined {
    repeats += 1
    const isSame = repeats > 1 && length === before.length && totalItems === before.totalItems
    before = { length, totalItems }
    return isSame || repeats > MAX_REPEATS ? endWith("count") : { pauseS: pauseBefore(repeats) }
  }

  function receiveByOffset(
    { reading, isAhead }: { readonly reading: OffsetReading; readonly isAhead: boolean },
    page: Page,
    request: PageRequest,
  ): Selected {
    const selected = reading.receive(page, request)
    if (Number.isFinite(anchor) && !isAhead) asOf = Math.min(closed, lastBeforeAhead)
    if (!reading.isDone()) return selected
    lack = worse(lack, reading.lack())
    byOffset = undefined
    if (isAhead) {
      next = {}
      return selected
    }
    anchor = Math.max(anchor + 1, FIRST_SECOND)
    known = new Map()
    next = anchor !== until || hasOddSince ? {} : atEnd(page)
    return selected
  }

  /** Rows without a date come before all others. A filter of dates, whatever it is, leaves them out from then on. */
  function readUndated(): Omit<PageRequest, "query"> | undefined {
    if (Number.isFinite(anchor)) return endWith("rules")
    byOffset = { reading: createOffsetReading(range(undefined), "undated", known, versions), isAhead: false }
    return {}
  }

  /** Whether the pages have been ending in open seconds for too long, be they waited for or followed as they close. */
  function isRestless({ elapsedS }: Moment): boolean {
    openSinceS ??= elapsedS
    openEnds += 1
    return openEnds > MAX_OPEN_ENDS && elapsedS - openSinceS > mostWaitS
  }

  /** Whether members change faster than they are read, so that not even the open seconds come in sight. */
  function isOutrun({ length, totalItems }: Page, { ranges }: Selected): boolean {
    delivered += countRows(ranges)
    mostCounted = Math.max(mostCounted, length, totalItems)
    return delivered > MAX_ROUNDS * mostCounted
  }

  function endWith(reason: Lack): undefined {
    lack = worse(lack, reason)
  }
}

/** The graver of two reasons: a wrong count can be shown to be one. */
function worse(one: Lack | undefined, other: Lack | undefined): Lack | undefined {
  return one === "rules" ? one : (other ?? one)
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
