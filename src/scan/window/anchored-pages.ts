import {
  type KnownRows,
  type OpenVersions,
  type Selected,
  countNew,
  createKeys,
  selectRows,
} from "../deduplicate.ts"
import { countHead, firstSecondAfter, lastSecond } from "./page-seconds.ts"
import { createPatience } from "./patience.ts"
import { type Delay, type Lack, countUpTo, reachesEnd } from "../reading.ts"
import type { Page, Second } from "../source.ts"
import { lastPossibleSecond } from "../watermark.ts"

/** What follows a page of a window. */
export type Step =
  /** The next page, from the anchor on. */
  | { readonly kind: "page"; readonly delay: Delay }
  /** Nothing: the window is read. */
  | { readonly kind: "end" }
  /** Nothing, although rows may be missing. */
  | { readonly kind: "lack"; readonly lack: Lack }
  /** Rows that no date tells apart fill a page: those of this closed second, or without a date. They are read by offset. */
  | { readonly kind: "tied"; readonly second: Second; readonly pageRows: number }
  | { readonly kind: "undated"; readonly second?: undefined; readonly pageRows?: undefined }
  /** Members are dated ahead of both clocks, after `boundary`. They are read by offset. */
  | { readonly kind: "ahead"; readonly boundary: Second }

export type AnchoredPages = {
  /** The anchor: the second after which the next page begins. Everything up to it was delivered. */
  anchor(): Second
  /** What was delivered of the second after the anchor, if that is closed, because the next page returns it again. */
  known(): KnownRows
  /** Takes a page that begins at the anchor and is read up to `until`. Seconds up to `closed` are closed. */
  receive(
    page: Page,
    until: Second | undefined,
    closed: Second,
  ): { readonly selected: Selected; readonly step: Step }
  /** Moves the anchor past the second after it, or past the rows without a date, given the last page of their reading. */
  skip(last: Page): void
  /** A page did not begin after the anchor, as Mailchimp's do today. */
  hasOddSince(): boolean
}

/** No member changed before this second. */
const FIRST_SECOND = 0

/**
 * Anchors each page by value: it starts at the last closed second that the previous page reached, always with offset 0. A
 * row that changes meanwhile moves after all others and is read there; rows of the anchor's second that were already
 * delivered are dropped. With offsets, one row would be lost for every row that moves away before it.
 */
export function createAnchoredPages(since: Second, marginS: number, versions: OpenVersions): AnchoredPages {
  const patience = createPatience(marginS)
  let anchor = since
  let known: KnownRows = new Map()
  let hasOddSince = false

  return {
    anchor: () => anchor,
    known: () => known,
    hasOddSince: () => hasOddSince,
    skip: (last) => {
      noteSince(last)
      moveTo(Math.max(anchor + 1, FIRST_SECOND))
    },
    receive: (page, until, closed) => {
      const first = page.length > 0 ? page.second(0) : undefined
      noteSince(page)
      // rule: rows after a split are dropped from the pending page
      const end = until === undefined ? page.length : countUpTo(page, page.length, until)
      // A later row with known bytes may be a change back, if `fields` leaves the date out: README.md has an example.
      const headEnd = countHead(page, anchor + 1)
      const openStart = countUpTo(page, end, closed)
      const selected = selectRows(page, end, { headEnd, known, openStart }, versions)
      // If Mailchimp ignored `since`, every page would be the first page, forever.
      // rule: a reading whose since is ignored is short
      const isBeforeAnchor = first !== undefined && first < anchor
      const isEnd = end < page.length || reachesEnd(page, 0)
      const step = isBeforeAnchor ? RULES : isEnd ? endAt(page, closed) : stepAfter(page, selected, closed)
      noteKnown(page, openStart)
      return { selected, step }
    },
  }

  function noteSince(page: Page): void {
    const first = page.length > 0 ? page.second(0) : undefined
    hasOddSince ||= first !== undefined && first <= anchor
  }

  /** The window may be extended later, and would continue at the anchor. */
  function endAt(page: Page, closed: Second): Step {
    advance(page, closed)
    return END
  }

  function stepAfter(page: Page, selected: Selected, closed: Second): Step {
    patience.note(page, selected)
    if (patience.isOutrun()) return RULES
    const last = lastSecond(page) ?? Number.NEGATIVE_INFINITY
    if (page.length > 0 && !Number.isFinite(last)) return Number.isFinite(anchor) ? RULES : UNDATED
    // rule: dated ahead means ahead of the later clock
    const boundary = lastPossibleSecond(page.sentAt, marginS)
    // rule: members dated ahead are read by offset, not waited for
    const isAhead = last > boundary
    const isOpen = last > closed && !isAhead
    if (isOpen && patience.isRestless(page.sentAt)) return RULES
    const hasAdvanced = advance(page, closed)
    if (isAhead) return { kind: "ahead", boundary: firstSecondAfter(page, boundary) - 1 }
    if (hasAdvanced) return NEXT
    if (isOpen) return pageAfter(patience.waitFor(last, page.sentAt), RULES)
    // rule: a tied second is read by offset
    if (page.length >= page.count) return { kind: "tied", second: last, pageRows: page.count }
    // Without a new row although more rows are counted, the response was truncated, or the count is wrong.
    return countNew(selected) > 0 ? NEXT : pageAfter(patience.repeat(page), COUNT)
  }

  /** Moves the anchor so that the next page begins with this page's last closed second. False if the anchor does not move. */
  function advance(page: Page, closed: Second): boolean {
    const last = lastSecond(page)
    if (last === undefined) return false
    // rule: a page never begins after an open second
    const reached = Math.min(last, closed)
    // rule: a page begins with the last second of the previous page
    const since = reached - 1
    if (since <= anchor) return false
    moveTo(since)
    return true
  }

  function moveTo(second: Second): void {
    anchor = second
    known = new Map()
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
}

const NEXT: Step = { kind: "page", delay: {} }
const END: Step = { kind: "end" }
const UNDATED: Step = { kind: "undated" }
const RULES: Step = { kind: "lack", lack: "rules" }
const COUNT: Step = { kind: "lack", lack: "count" }

function pageAfter(delay: Delay | undefined, otherwise: Step): Step {
  return delay ? { kind: "page", delay } : otherwise
}
