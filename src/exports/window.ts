import { closesAt, lastClosedSecond } from "./closed.ts"
import { type CrowdedSecond, createCrowdedSecond } from "./crowded-second.ts"
import { type Delivery, type OpenVersions, selectRows } from "./delivery.ts"
import { type Question, type Reading, MAX_REPEATS, pauseBefore, reachesEnd } from "./reading.ts"
import type { Page, Second } from "./source.ts"

/** A list as it is read: from its beginning, or from what is known to be delivered. */
export type Window = {
  readonly listId: string
  readonly status?: string | undefined
  /** Everything up to this second was delivered before. */
  readonly since?: Second | undefined
}

export type WindowOptions = {
  /** How many seconds before Mailchimp's clock a second counts as closed. */
  readonly marginS: number
  /** Shared by all readings of the list. */
  readonly versions?: OpenVersions
}

/** What a reading came to. */
export type WindowResult = {
  /** The last second whose members are all delivered, in that version or a newer one. */
  readonly asOf: Second
  /** By Mailchimp's count, when it was asked first. */
  readonly totalItems: number
  /** Rows may be missing: Mailchimp counted more than it gave, or an open second never came to rest. */
  readonly isShort: boolean
}

export type WindowReading = Reading & { result(): WindowResult }

/** How many margins an open second is waited for, as under a bulk edit that never ends. */
const MAX_WAITS = 6

/**
 * Reads a list while it changes, and misses nothing. Each page is anchored by value: it starts at the last second that
 * the page before reached, as far as that is closed, with the offset always at 0. A row that changes meanwhile moves
 * behind all others and is met there; rows that were delivered of the anchor's second are dropped. A place, as an offset
 * is one, would lose a row for every row before it that moves away.
 */
export function createWindowReading(
  { listId, status, since }: Window,
  { marginS, versions = new Map() }: WindowOptions,
): WindowReading {
  let anchor = since ?? Number.NEGATIVE_INFINITY
  /** Of the second after the anchor, where it is closed, the ids delivered: they come again with the next page. */
  let knownIds = new Set<string>()
  let crowded: CrowdedSecond | undefined
  let next: Omit<Question, "query"> | undefined = {}
  let waits = 0
  let repeats = 0

  let asOf = Number.NEGATIVE_INFINITY
  let totalItems: number | undefined
  let isShort = false

  return {
    question: () => (crowded ? crowded.question() : next && { query: { ...range(), offset: 0 }, ...next }),
    receive: (page) => (crowded ? receiveOfCrowded(crowded, page) : receiveOfAnchor(page)),
    result: () => ({ asOf, totalItems: totalItems ?? 0, isShort }),
  }

  function range(before?: Second) {
    return {
      listId,
      status,
      since: Number.isFinite(anchor) ? anchor : undefined,
      before,
      sort: "last_changed",
    } as const
  }

  function receiveOfAnchor(page: Page): Delivery {
    totalItems ??= page.totalItems
    const closed = lastClosedSecond(page.askedAt, marginS)
    asOf = closed
    const headEnd = countRowsUpTo(page, anchor + 1)
    const openStart = countClosedRows(page, closed)
    const ranges = selectRows(page, page.length, { headEnd, knownIds, openStart }, versions)
    next = questionAfter(page, closed, ranges.length > 0)
    for (let index = openStart - 1; page.second(index) === anchor + 1; index -= 1)
      knownIds.add(page.id(index))
    return { listId, page, ranges }
  }

  function questionAfter(page: Page, closed: Second, isNew: boolean): Omit<Question, "query"> | undefined {
    if (reachesEnd(page, 0)) return undefined
    const last = page.length > 0 ? page.second(page.length - 1) : undefined
    if (isNew) repeats = 0
    if (last !== undefined && Math.min(last, closed) - 1 > anchor) {
      anchor = Math.min(last, closed) - 1
      knownIds = new Set()
      return {}
    }
    if (last !== undefined && last > closed) {
      waits += 1
      return waits > MAX_WAITS ? endShort() : { notBefore: closesAt(last, marginS) }
    }
    if (page.length >= page.count) {
      crowded = createCrowdedSecond(range(last), knownIds, versions)
      return {}
    }
    if (isNew) return {}
    repeats += 1
    return repeats > MAX_REPEATS ? endShort() : { pauseS: pauseBefore(repeats) }
  }

  function receiveOfCrowded(second: CrowdedSecond, page: Page): Delivery {
    const delivery = second.receive(page)
    if (second.question()) return delivery
    isShort ||= second.isShort()
    anchor += 1
    knownIds = new Set()
    crowded = undefined
    // Rows without a date come first. Where they fill a page, all of the list was read by offset.
    next = Number.isFinite(anchor) ? {} : undefined
    return delivery
  }

  function endShort(): undefined {
    isShort = true
  }
}

function countRowsUpTo(page: Page, second: Second): number {
  let rows = 0
  while (rows < page.length && (page.second(rows) ?? Number.NEGATIVE_INFINITY) <= second) rows += 1
  return rows
}

function countClosedRows(page: Page, closed: Second): number {
  let rows = page.length
  while (rows > 0 && (page.second(rows - 1) ?? Number.NEGATIVE_INFINITY) > closed) rows -= 1
  return rows
}
