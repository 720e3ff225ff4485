import { closesAt, lastClosedSecond } from "./closed.ts"
import { type CrowdedSecond, createCrowdedSecond } from "./crowded-second.ts"
import { type OpenVersions, type Selected, selectRows } from "./delivery.ts"
import { type Question, type Reading, MAX_REPEATS, pauseBefore, reachesEnd } from "./reading.ts"
import type { Page, Second } from "./source.ts"

/** Where a reading goes on: everything up to `since` was delivered. -Infinity is the beginning of a list. */
export type Place = { readonly since: Second }

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

type Rest = { readonly rows: number; readonly pageRows: number }

export type WindowReading = Reading & {
  /** Where to go on after a break, once what was received is written. */
  place(): Place
  until(): Second | undefined
  /** Ends the reading earlier: what lies behind is another's from now on. Only at a closed second that is not read yet. */
  cut(until: Second): void
  /** How many rows are still to come after those received, by Mailchimp's count; undefined while nothing tells. */
  rest(): Rest | undefined
  /** The last second whose members were all delivered when the last answer was asked for, in that version or a newer one. */
  asOf(): Second
  /** Rows may be missing: Mailchimp counted more than it gave, or an open second never came to rest. */
  isShort(): boolean
}

/** How many margins a reading may spend at open seconds: a bulk edit that never ends would keep it for ever. */
const MAX_MARGINS = 6

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
  let crowded: CrowdedSecond | undefined
  let next: Omit<Question, "query"> | undefined = {}
  let openSince: Second | undefined
  let openEnds = 0
  let repeats = 0
  let asOf = Number.NEGATIVE_INFINITY
  let isShort = false
  let rest: (Rest & { readonly until: Second | undefined }) | undefined
  let askedUntil = until

  return {
    question: () => {
      askedUntil = until
      return crowded ? crowded.question() : next && { query: { ...range(until), offset: 0 }, ...next }
    },
    receive: (page) => (crowded ? receiveOfCrowded(crowded, page) : receiveOfAnchor(page)),
    place: () => ({ since: anchor }),
    until: () => until,
    cut: (second) => (until = second),
    rest: () => (rest?.until === until ? rest : undefined),
    asOf: () => asOf,
    isShort: () => isShort,
  }

  function range(before: Second | undefined) {
    const since = Number.isFinite(anchor) ? anchor : undefined
    return { listId, status, since, before, sort: "last_changed" } as const
  }

  function receiveOfAnchor(page: Page): Selected {
    const closed = lastClosedSecond(page.askedAt, marginS)
    asOf = closed
    rest = { rows: page.totalItems - page.length, pageRows: page.count, until: askedUntil }
    const end = until === undefined ? page.length : countUpTo(page, page.length, until)
    const headEnd = countHead(page, anchor + 1)
    const openStart = countUpTo(page, end, closed)
    const selected = selectRows(page, end, { headEnd, knownIds, openStart }, versions)
    next = end < page.length || reachesEnd(page, 0) ? undefined : questionAfter(page, closed, selected)
    for (let index = openStart - 1; page.second(index) === anchor + 1; index -= 1)
      knownIds.add(page.id(index))
    return selected
  }

  function questionAfter(
    page: Page,
    closed: Second,
    { ranges }: Selected,
  ): Omit<Question, "query"> | undefined {
    const last = page.length > 0 ? page.second(page.length - 1) : undefined
    if (ranges.length > 0) repeats = 0
    if (last !== undefined && last > closed && isRestless(page.askedAt)) return endShort()
    if (last !== undefined && Math.min(last, closed) - 1 > anchor) {
      anchor = Math.min(last, closed) - 1
      knownIds = new Set()
      return {}
    }
    if (last !== undefined && last > closed) return { notBefore: closesAt(last, marginS) }
    if (page.length >= page.count) {
      crowded = createCrowdedSecond(range(last), knownIds, versions)
      return {}
    }
    if (ranges.length > 0) return {}
    repeats += 1
    return repeats > MAX_REPEATS ? endShort() : { pauseS: pauseBefore(repeats) }
  }

  function receiveOfCrowded(second: CrowdedSecond, page: Page): Selected {
    const selected = second.receive(page)
    asOf = lastClosedSecond(page.askedAt, marginS)
    if (second.question()) return selected
    isShort ||= second.isShort()
    anchor += 1
    knownIds = new Set()
    crowded = undefined
    // Rows without a date come first. Where they fill a page, all of the list was read by offset.
    next = Number.isFinite(anchor) && anchor !== until ? {} : undefined
    return selected
  }

  /** Whether the pages have been ending in open seconds for too long, be they waited for or followed as they close. */
  function isRestless(askedAt: Second): boolean {
    openSince ??= askedAt
    openEnds += 1
    return openEnds > MAX_MARGINS && askedAt - openSince > MAX_MARGINS * Math.max(marginS, 1)
  }

  function endShort(): undefined {
    isShort = true
  }
}

/** How many rows at the head of a page are of this second or before. */
function countHead(page: Page, second: Second): number {
  let rows = 0
  while (rows < page.length && (page.second(rows) ?? Number.NEGATIVE_INFINITY) <= second) rows += 1
  return rows
}

/** How many of the first `end` rows are of this second or before, counted from behind, where those after it are. */
function countUpTo(page: Page, end: number, second: Second): number {
  let rows = end
  while (rows > 0 && (page.second(rows - 1) ?? Number.NEGATIVE_INFINITY) > second) rows -= 1
  return rows
}
