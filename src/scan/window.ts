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
  /** The last second to read. If missing, the reading continues to the end of the list at that time. */
  readonly until?: Second | undefined
  /** How many seconds before Mailchimp's clock a second counts as closed. */
  readonly marginS: number
  /** Shared by all readings of a list. */
  readonly versions: OpenVersions
}

export type Rest = {
  readonly rows: number
  readonly pageRows: number
  /** The query for all of them, including the rows of the last page's last second. */
  readonly query: MembersQuery
}

export type WindowReading = Reading & {
  /** Where to resume, once everything received is written. */
  position(): Position
  until(): Second | undefined
  /** Moves the end of the window to `until`, a closed second that is not read yet; another window reads the remainder. */
  split(until: Second): void
  /** How many rows remain, by Mailchimp's count. Undefined while that is unknown. */
  rest(): Rest | undefined
  /** The tied second that is now read by offset, because it fills a page. Later seconds can be read meanwhile. */
  tiedSecond(): Second | undefined
  /** The last second whose members were all delivered as of the last request, in their version then or a newer one. */
  asOf(): Second
  /** Why rows may be missing, if so. */
  lack(): Lack | undefined
  /** A response did not begin after its `since`, as Mailchimp's do today. The only cost is repeated rows. */
  hasOddSince(): boolean
  /** Members dated ahead of both clocks were read by offset. */
  hasDatedAhead(): boolean
}

/** How many pages may end in open seconds before the time limit on waiting applies. */
const MAX_OPEN_ENDS = 6
/** Limit on the rows delivered, in multiples of the count: members that change faster than they are read never end. */
const MAX_ROUNDS = 10

/** How often a reading may continue with what changed after the members dated ahead were read. */
const MAX_EXTENSIONS = 3

/** No member changed before this second. */
const FIRST_SECOND = 0

/**
 * Reads a window of `last_changed` while the list changes, and misses nothing. Each page is anchored by value: it starts at
 * the last closed second that the previous page reached, always with offset 0. A row that changes meanwhile moves after all
 * others and is read there; rows of the anchor's second that were already delivered are dropped. With offsets, one row
 * would be lost for every row that moves away before it.
 */
export function createWindowReading(options: WindowOptions): WindowReading {
  const { listId, status, from, marginS, versions } = options
  const maxWaitS = longestWaitS(marginS)
  let { until } = options
  let anchor = from.since
  /** What was delivered of the second after the anchor, if that is closed, because the next page returns it again. */
  let known: KnownRows = new Map()
  let byOffset: { readonly reading: OffsetReading; readonly isAhead: boolean } | undefined
  let next: Omit<PageRequest, "query"> | undefined = {}
  let isRequested = false
  /** The watermark by the earlier clock. That may be put back, but a second that was closed stays closed. */
  let closed = Number.NEGATIVE_INFINITY
  let openSinceS: number | undefined
  let openEnds = 0
  let waitedS = 0
  let delivered = 0
  let maxCounted = 0
  let repeats = 0
  let before = { length: -1, totalItems: -1 }
  let asOf = Number.NEGATIVE_INFINITY
  let lack: Lack | undefined
  let hasOddSince = false
  let hasDatedAhead = false
  /** Once this second is past, later changes belong to the next export. */
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
      // Until a page has shown that rows with a date come first, rows without one may remain.
      const isTold = rest && rest.until === until && Number.isFinite(anchor) && !byOffset
      return rest && isTold ? { ...rest, query: requestRange() } : undefined
    },
    tiedSecond: () => (byOffset && !byOffset.isAhead && Number.isFinite(anchor) ? anchor + 1 : undefined),
    asOf: () => asOf,
    lack: () => lack,
    hasOddSince: () => hasOddSince,
    hasDatedAhead: () => hasDatedAhead,
  }

  /** Requests one second more than is read, because the bound is not documented as inclusive. Later rows are dropped. */
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
    // If Mailchimp ignored `since`, every page would be the first page, forever.
    if (first !== undefined && first < anchor) next = endWith("rules")
    else next = end < page.length || reachesEnd(page, 0) ? atEnd(page) : requestAfter(page, selected)
    noteKnown(page, openStart)
    return selected
  }

  /** Records what was delivered of the second after the anchor, the last second among the closed rows. */
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
    if (isAhead) return readAhead(firstAfter(page, boundary) - 1)
    if (last !== undefined && last > closed) return requestAfterOpen(page, last)
    if (last === undefined && page.length > 0) return readUndated()
    if (page.length >= page.count) {
      const reading = createOffsetReading(range(last), "second", known, versions, { pageRows: page.count })
      byOffset = { reading, isAhead: false }
      return {}
    }
    return isNew ? {} : requestAgain(page)
  }

  /** Moves the anchor so that the next page begins with this page's last closed second. False if the anchor does not move. */
  function advance(last: Second | undefined): boolean {
    if (last === undefined || Math.min(last, closed) - 1 <= anchor) return false
    anchor = Math.min(last, closed) - 1
    known = new Map()
    return true
  }

  /** Waits for an open second to close, unless the reading has already waited too long. */
  function requestAfterOpen(page: Page, last: Second): Omit<PageRequest, "query"> | undefined {
    const maxS = Math.min(closesAt(last, marginS) - page.sentAt.earliest, maxWaitS - waitedS)
    waitedS += maxS
    return maxS > 0 ? { notBefore: { second: closesAt(last, marginS), maxS } } : endWith("rules")
  }

  /**
   * Members dated ahead of both clocks, by a server whose clock is wrong or by an import: waiting would not help. This group
   * only loses rows, because a change gives a member the current second. So the group is read by offset, and then the rest
   * before it, which includes the members that left the group.
   */
  function readAhead(boundary: Second): Omit<PageRequest, "query"> {
    hasDatedAhead = true
    const reading = createOffsetReading(range(until, boundary), "ahead", new Map(), versions)
    byOffset = { reading, isAhead: true }
    until = boundary
    lastBeforeAhead = boundary
    return {}
  }

  /** Once the second before them is past, members with the present second are among those dated ahead: they are read again. */
  function afterAhead({ sentAt }: Page, reading: OffsetReading): Omit<PageRequest, "query"> {
    const isPast = sentAt.latest > lastBeforeAhead
    if (isPast && extensions < MAX_EXTENSIONS) {
      extensions += 1
      until = options.until
      return readAhead(lastPossibleSecond(sentAt, marginS))
    }
    lack = isPast ? "rules" : worse(lack, reading.lack())
    return {}
  }

  /** If the second before the members dated ahead is past by now, members changed after it remain to be read. */
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

  /** A page had no new row although more rows are counted: the response was truncated, or the count is wrong. */
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
    byOffset = undefined
    if (isAhead) {
      next = afterAhead(page, reading)
      return selected
    }
    lack = worse(lack, reading.lack())
    anchor = Math.max(anchor + 1, FIRST_SECOND)
    known = new Map()
    next = anchor !== until || hasOddSince ? {} : atEnd(page)
    return selected
  }

  /** Rows without a date come before all others. From then on any date filter leaves them out. */
  function readUndated(): Omit<PageRequest, "query"> | undefined {
    if (Number.isFinite(anchor)) return endWith("rules")
    byOffset = { reading: createOffsetReading(range(undefined), "undated", known, versions), isAhead: false }
    return {}
  }

  /** Whether the pages have ended in open seconds for too long, whether the reading waited for them or followed them. */
  function isRestless({ elapsedS }: Moment): boolean {
    openSinceS ??= elapsedS
    openEnds += 1
    return openEnds > MAX_OPEN_ENDS && elapsedS - openSinceS > maxWaitS
  }

  /** Whether members change faster than they are read, so that the reading does not even reach the open seconds. */
  function isOutrun({ length, totalItems }: Page, { ranges }: Selected): boolean {
    delivered += countRows(ranges)
    maxCounted = Math.max(maxCounted, length, totalItems)
    return delivered > MAX_ROUNDS * maxCounted
  }

  function endWith(reason: Lack): undefined {
    lack = worse(lack, reason)
  }
}

/** The more serious of two reasons: a recount can still prove a wrong count. */
function worse(one: Lack | undefined, other: Lack | undefined): Lack | undefined {
  return one === "rules" ? one : (other ?? one)
}

/** The first second of the page that is later. */
function firstAfter(page: Page, second: Second): Second {
  let first = Number.POSITIVE_INFINITY
  for (let index = page.length - 1; index >= 0; index -= 1) {
    const later = page.second(index)
    if (later === undefined || later <= second) break
    first = later
  }
  return first
}

/** The second of the last row that has one. */
function lastSecond(page: Page): Second | undefined {
  for (let index = page.length - 1; index >= 0; index -= 1) {
    const second = page.second(index)
    if (second !== undefined) return second
  }
  return undefined
}

/** How many rows at the head of a page are of this second or earlier. */
function countHead(page: Page, second: Second): number {
  let rows = 0
  while (rows < page.length && (page.second(rows) ?? Number.NEGATIVE_INFINITY) <= second) rows += 1
  return rows
}
