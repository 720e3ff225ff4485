import { type Step, createAnchoredPages } from "./anchored-pages.ts"
import type { OpenVersions, Selected } from "../deduplicate.ts"
import { type OffsetReading, createOffsetReading } from "../offset-reading/offset-reading.ts"
import type { Position } from "../position.ts"
import { type Delay, type Lack, type PageRequest, type Reading, worse } from "../reading.ts"
import type { Page, Second } from "../source.ts"
import { watermarkAt } from "../watermark.ts"
import { type RangeQuery, type Rest, type WindowRangeOptions, createWindowRange } from "./window-range.ts"

export type WindowOptions = WindowRangeOptions & {
  readonly from: Position
  /** Seconds up to it were closed when the export began. */
  readonly horizon: Second
  /** Shared by all readings of a list. */
  readonly versions: OpenVersions
}

export type { Rest } from "./window-range.ts"

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

/** Mailchimp's limit on the rows of a page. */
const LARGEST_PAGE = 1000

type ByOffset = { readonly kind: "tied" | "undated" | "ahead"; readonly reading: OffsetReading }

/**
 * Reads a window of `last_changed` while the list changes, and misses nothing: in pages anchored by value, and by offset
 * what no date can tell apart. README.md has the rules.
 */
export function createWindowReading(options: WindowOptions): WindowReading {
  const { from, marginS, versions } = options
  const pages = createAnchoredPages(from.since, marginS, versions)
  const range = createWindowRange(options)
  let next: Delay | "requested" | undefined = {}
  let byOffset: ByOffset | undefined
  /** The watermark by the earlier clock. That may be put back, but a second that was closed stays closed. */
  let closed = Number.NEGATIVE_INFINITY
  let asOf = Number.NEGATIVE_INFINITY
  let lack: Lack | undefined
  // An export that is resumed in a tied second has a window of that second. A page by its anchor would only repeat rows.
  if (isClosedSecond(options)) readByOffset("tied", range.between(from.since, options.until), LARGEST_PAGE)

  return {
    nextRequest: () => {
      if (byOffset) return byOffset.reading.nextRequest()
      if (!next || next === "requested") return undefined
      const delay = next
      next = "requested"
      return { query: range.nextQuery(pages.anchor()), ...delay }
    },
    receive: (page, request) => {
      closed = Math.max(closed, watermarkAt(page.sentAt.earliest, marginS))
      if (!byOffset || byOffset.kind === "tied") asOf = Math.min(closed, range.boundary())
      return byOffset ? receiveByOffset(byOffset, page, request) : receiveAnchored(page)
    },
    isDone: () => !next && !byOffset,
    // rule: a cursor goes back to the last second that was written
    position: () => ({ since: pages.anchor() }),
    until: range.until,
    split: range.moveEnd,
    // Until a page has shown that rows with a date come first, rows without one may remain.
    rest: () => (Number.isFinite(pages.anchor()) && !byOffset ? range.rest(pages.anchor()) : undefined),
    tiedSecond: () => (byOffset?.kind === "tied" ? pages.anchor() + 1 : undefined),
    asOf: () => asOf,
    // rule: a short reading makes the list short
    lack: () => lack,
    hasOddSince: pages.hasOddSince,
    hasDatedAhead: () => Number.isFinite(range.boundary()),
  }

  function receiveAnchored(page: Page): Selected {
    range.count(page)
    const { selected, step } = pages.receive(page, range.until(), closed)
    next = follow(step, page)
    return selected
  }

  function receiveByOffset({ kind, reading }: ByOffset, page: Page, request: PageRequest): Selected {
    const selected = reading.receive(page, request)
    if (!reading.isDone()) return selected
    byOffset = undefined
    next = kind === "ahead" ? afterAhead(page, reading) : afterTied(page, reading)
    return selected
  }

  function follow(step: Step, page: Page): Delay | undefined {
    if (step.kind === "page") return step.delay
    if (step.kind === "end") return extend(page)
    if (step.kind === "lack") {
      lack = worse(lack, step.lack)
      return undefined
    }
    if (step.kind === "ahead") return readByOffset("ahead", range.separate(step.boundary))
    return readByOffset(step.kind, range.between(pages.anchor(), step.second), step.pageRows)
  }

  function readByOffset(kind: ByOffset["kind"], query: RangeQuery, pageRows?: number): Delay {
    const known = kind === "ahead" ? new Map() : pages.known()
    byOffset = { kind, reading: createOffsetReading(query, kind, known, versions, { pageRows }) }
    return {}
  }

  function afterTied(page: Page, reading: OffsetReading): Delay | undefined {
    lack = worse(lack, reading.lack())
    pages.skip(page)
    // If `since` includes its own second, that one was read by offset, and the second after it was not.
    return pages.anchor() !== range.until() || pages.hasOddSince() ? {} : extend(page)
  }

  /** Once their boundary is past, members with the present second are among those dated ahead: they are read again. */
  function afterAhead({ sentAt }: Page, reading: OffsetReading): Delay {
    // rule: members dated ahead are read again if the boundary is past
    const isPast = range.isPast(sentAt)
    const query = isPast ? range.separateAgain(sentAt) : undefined
    if (query) return readByOffset("ahead", query)
    lack = isPast ? "rules" : worse(lack, reading.lack())
    // rule: members up to the boundary are read after those dated ahead
    return {}
  }

  function extend({ sentAt }: Page): Delay | undefined {
    const extension = range.extend(sentAt)
    if (extension === "too_often") lack = "rules"
    return extension === "extended" ? {} : undefined
  }
}

function isClosedSecond({ from, until, horizon }: WindowOptions): boolean {
  return until === from.since + 1 && until <= horizon
}
