import { type KnownRows, type OpenVersions, type Selected, selectRows } from "./deduplicate.ts"
import {
  type Lack,
  type PageRequest,
  type Reading,
  MAX_REPEATS,
  NOTHING,
  countUpTo,
  pauseBefore,
  reachesEnd,
} from "./reading.ts"
import type { MembersQuery, Page } from "./source.ts"

export type OffsetReading = Reading & {
  /** Why the reading ended before all counted rows were seen, if so. */
  lack(): Lack | undefined
}

/** After this many passes without a new row, another pass is not expected to find one. */
const MAX_PASSES_IN_VAIN = 3
/**
 * The most requests for each page, because rows that keep leaving, or a count that never settles, must not block the export
 * forever. This allows as many passes, or fewer if responses are truncated.
 */
const MAX_REQUESTS_PER_PAGE = 20
/** This many consecutive passes with the same rows at the same positions, while none leaves, prove that all were read. */
const ALIKE = 3
/** The part of a page that the next page requests again, so that a few rows that leave open no gap. */
const OVERLAP = 1 / 20
/** The least number of rows by which pages overlap. */
const MIN_OVERLAP = 8
/** The highest accepted probability that rows in no fixed order look as if they had one. */
const CHANCE = 1e-9

/** Rows to request, from `offset` to before `end` or the last row: any number of pages. */
type Part = {
  readonly offset: number
  readonly end: number
  readonly repeats: number
  /** The offset that an earlier page of this part reached, which was truncated or the last one. */
  readonly reached?: number
}
const WHOLE: Part = { offset: 0, end: Number.POSITIVE_INFINITY, repeats: 0 }
/** One row, requested for the count in its response. */
const COUNT: Part = { offset: 0, end: 1, repeats: 0 }
/** What identifies a row: its key, because its bytes may change without its date, or its bytes if it has no key. */
type Row = { readonly text: string; readonly hasKey: boolean }
/** What a page of the current pass showed. */
type Shown = { readonly offset: number; readonly rows: readonly Row[]; readonly isEnd: boolean }
type Requested = {
  /** Undefined for the request that checks whether the second is gone. */
  readonly part: Part | undefined
  /** How many responses had arrived when the request was sent. */
  readonly after: number
}

/**
 * What is read. `second`: a closed second, by a query that is limited to it. `undated`: the rows without a date, up to the
 * first row with one. `ahead`: the rows dated ahead of the clocks. `all`: all rows of a list, whatever their dates.
 */
type Kind = "second" | "undated" | "ahead" | "all"

type OffsetReadingOptions = {
  readonly pageRows?: number
  readonly isChanged?: (page: Page, index: number) => boolean
}

/**
 * Reads by offset the rows that no date can tell apart: above all a tied second, which is closed and fills a page by itself.
 * Rows that leave it meanwhile shift the others to the left, possibly into the gap between two pages. It is not documented
 * that tied rows are in the same order in every response. So the second is counted first, and then read in passes from the
 * beginning until it is complete. The pages of a pass may be requested concurrently.
 *
 * The second can only lose rows, so every row shown after a response existed when that response's total was counted. If, for
 * any response, the distinct ids shown by later requests are as many as its total, they are all of its rows, in whatever
 * order they arrived. A row that left after it was shown does not matter. A single page that reaches the end is complete.
 *
 * If rows keep leaving, also before they are shown, that may take long. But pages join if one begins with the rows with
 * which the other ends: if tied rows have a fixed order, no row that stayed can be between the two. So the second is also
 * complete when two consecutive passes show one order, each without a gap, and the later one shows as many rows as were
 * counted meanwhile.
 *
 * Rows without a key are never counted as shown, because two of them cannot be told apart. If there are any, only the order
 * proves that all were read: the same order as above, or the same rows at the same positions in three passes while none left.
 *
 * The groups of rows without a date and of rows dated ahead also only lose rows, because a change gives a row the current
 * second. The group of all rows of a list does not. Reading it is a last resort for when Mailchimp's responses do not add
 * up, and proves that nothing is missing only if no row changed after the reading began.
 *
 * @param query the query for just this second, (second - 1, second]; or for all rows, those without a date first
 * @param known the rows that were delivered before; new ones are added
 * @param options.isChanged for all rows: whether a row changed after the reading began
 * @param options.pageRows how many rows a page has. If missing, the first page also provides the count
 */
export function createOffsetReading(
  query: Omit<MembersQuery, "offset">,
  kind: Kind,
  known: KnownRows,
  versions: OpenVersions,
  { pageRows, isChanged }: OffsetReadingOptions = {},
): OffsetReading {
  let unrequested = [pageRows === undefined ? WHOLE : COUNT]
  const requested = new Map<PageRequest, Requested>()
  let latest: Pick<Page, "count" | "totalItems"> | undefined

  const totals: number[] = []
  /** For each id: how many responses had arrived when the latest request that showed it was sent. */
  const shownAfter = new Map<string, number>()
  /** For each such number of responses: how many ids have it in `shownAfter`. */
  const idsAfter: number[] = []
  let beforePass = { total: Number.NaN, missing: Number.NaN }
  let passesInVain = 0
  let pass: Shown[] = []
  /** The rows of the previous pass, in order, if its pages joined. */
  let joinedBefore: readonly Row[] | undefined
  /** A hash of the previous pass: its rows by position. */
  let steadyBefore: string | undefined
  /** How many consecutive passes had the same hash. */
  let alike = 1

  let doubts: number | undefined
  let hasChanged = false
  let ended: "complete" | Lack | undefined

  return {
    nextRequest,
    receive,
    isDone: () => ended !== undefined && requested.size === 0,
    lack: () => (ended !== "complete" ? ended : hasChanged ? "count" : undefined),
  }

  function nextRequest(): PageRequest | undefined {
    const part = ended ? undefined : takePart()
    if (part === COUNT) return note({ query: { ...query, offset: 0, count: 1 } }, part)
    if (part) return note({ query: { ...query, offset: part.offset }, ...pause(part.repeats) }, part)
    if (ended || doubts === undefined || requested.size > 0) return undefined
    return note({ query: { ...query, before: undefined, offset: 0, count: 1 }, ...pause(doubts) }, undefined)
  }

  /** Takes the first page of what is to be requested; the rest stays queued for concurrent requests. */
  function takePart(): Part | undefined {
    const part = unrequested.shift()
    if (!part || !latest) return part
    const { offset, end } = part
    const pageEnd = offset + latest.count
    if (pageEnd >= Math.min(end, latest.totalItems)) return part
    unrequested.unshift({ offset: Math.max(offset + 1, pageEnd - overlapOf(latest)), end, repeats: 0 })
    return { ...part, end: pageEnd }
  }

  function note(request: PageRequest, part: Part | undefined): PageRequest {
    requested.set(request, { part, after: totals.length })
    return request
  }

  function receive(response: Page, request: PageRequest): Selected {
    const { part, after } = requested.get(request) ?? { part: undefined, after: 0 }
    requested.delete(request)
    if (!part) return receiveWithoutBefore(response)
    const page = kind === "undated" ? withoutDated(response, part.offset) : response
    const end = query.before === undefined ? page.length : countUpTo(page, page.length, query.before)
    const openStart = kind === "ahead" ? 0 : end
    const selected = selectRows(page, end, { headEnd: end, known, openStart }, versions)
    const rows = Array.from({ length: end }, (_, index) => noteRow(page, index, after))
    totals.push(page.totalItems)
    latest = { count: part === COUNT && pageRows ? pageRows : page.count, totalItems: page.totalItems }
    if (ended) return selected
    // If Mailchimp ignored `before`, no total would be the count of this second.
    if (end < page.length) ended = "rules"
    else if (page.length === 0 && page.totalItems === 0) receiveNothing()
    else if (missing() === 0 || holdsAll(page, part)) ended = "complete"
    else if (part === COUNT) unrequested = [WHOLE]
    else goOn(part, page, rows)
    return selected
  }

  function receiveNothing(): void {
    if (totals.length === 1 && kind === "second") doubts = 0
    else ended = "complete"
  }

  /** The second filled a page and is now gone, or Mailchimp's `before` is no longer inclusive. */
  function receiveWithoutBefore(page: Page): Selected {
    const isEmptyButCounted = page.length === 0 && page.totalItems > 0
    doubts = (doubts ?? 0) + 1
    if (isEmptyButCounted && doubts <= MAX_REPEATS) return NOTHING
    const isThere = page.length > 0 && page.second(0) === query.before
    ended = isEmptyButCounted ? "count" : isThere ? "rules" : "complete"
    return NOTHING
  }

  function noteRow(page: Page, index: number, after: number): Row {
    const id = page.id(index)
    const fingerprint = page.fingerprint(index)
    hasChanged ||= isChanged?.(page, index) ?? false
    if (id === undefined) return { text: String(fingerprint), hasKey: false }
    known.set(id, fingerprint)
    show(id, after)
    return { text: id, hasKey: true }
  }

  function show(id: string, after: number): void {
    const before = shownAfter.get(id) ?? -1
    if (before >= after) return
    if (before >= 0) idsAfter[before] = (idsAfter[before] ?? 0) - 1
    idsAfter[after] = (idsAfter[after] ?? 0) + 1
    shownAfter.set(id, after)
  }

  /** Whether one response, which is of one moment, shows every row from the first to the last. */
  function holdsAll(page: Page, { offset }: Part): boolean {
    return kind !== "all" && offset === 0 && reachesEnd(page, 0)
  }

  /** How many rows of a response's total were not shown by later requests, for the response that lacks the fewest. */
  function missing(): number {
    let fewest = Number.POSITIVE_INFINITY
    let shown = 0
    for (let responses = totals.length; responses > 0; responses -= 1) {
      shown += idsAfter[responses] ?? 0
      if (shown > 0) fewest = Math.min(fewest, Math.abs((totals[responses - 1] ?? 0) - shown))
    }
    return fewest
  }

  function goOn(part: Part, page: Page, rows: readonly Row[]): void {
    pass.push({ offset: part.offset, rows, isEnd: reachesEnd(page, part.offset) })
    unrequested = unrequested.filter(({ offset }) => offset < page.totalItems)
    const reached = part.offset + page.length
    // A page that ends at the same offset as the previous one was not truncated by chance.
    const isEnd = (page.length === 0 && part.offset > 0) || part.reached === reached
    if (reached < Math.min(part.end, page.totalItems) && !isEnd) {
      // The next page may be truncated as well, so with a full overlap the reading might not advance.
      const next = reached - Math.min(overlapOf(page), Math.floor(page.length / 3))
      if (next > part.offset) unrequested.unshift({ offset: next, end: part.end, repeats: 0, reached })
      else if (part.repeats < MAX_REPEATS) unrequested.unshift({ ...part, repeats: part.repeats + 1 })
      else ended = "count"
    }
    if (unrequested.length > 0 || requested.size > 0) return
    const steady = steadyRows(pass, totals.slice(-pass.length))
    alike = steady !== undefined && steady === steadyBefore ? alike + 1 : 1
    steadyBefore = steady
    const joined = kind === "all" ? undefined : joinPages(pass)
    const counted = Math.max(...totals.slice(-pass.length))
    if (joined && joinedBefore && joined.length >= counted && isOneOrder(joinedBefore, joined))
      ended = "complete"
    else if (alike === ALIKE) ended = "complete"
    else startAgain(page)
    joinedBefore = joined
  }

  function startAgain(page: Page): void {
    const now = { total: page.totalItems, missing: missing() }
    const isInVain = now.total === beforePass.total && now.missing >= beforePass.missing
    passesInVain = isInVain ? passesInVain + 1 : 0
    const step = Math.max(1, page.count - overlapOf(page))
    const pages = Math.max(1, Math.ceil(page.totalItems / step))
    if (passesInVain === MAX_PASSES_IN_VAIN || totals.length >= MAX_REQUESTS_PER_PAGE * pages) ended = "count"
    beforePass = now
    pass = []
    unrequested = [WHOLE]
  }
}

/** Drops the rows with a date. If there is one, the rows before it are all rows without a date. */
function withoutDated(page: Page, offset: number): Page {
  let length = 0
  while (length < page.length && page.second(length) === undefined) length += 1
  return length === page.length ? page : { ...page, length, totalItems: offset + length }
}

function overlapOf({ count }: Pick<Page, "count">): number {
  return Math.min(Math.ceil(count / 4), Math.max(MIN_OVERLAP, Math.ceil(count * OVERLAP)))
}

/** A hash of a pass's rows by position, if every position was shown and all responses have the same total. */
function steadyRows(pass: readonly Shown[], totals: readonly number[]): string | undefined {
  const [total = 0] = totals
  const textAt = new Map<number, string>()
  for (const { offset, rows } of pass) rows.forEach(({ text }, index) => textAt.set(offset + index, text))
  const texts = Array.from({ length: total }, (_, position) => textAt.get(position))
  const isSteady =
    totals.every((other) => other === total) && textAt.size === total && !texts.includes(undefined)
  return isSteady && pass.some(({ rows }) => rows.some(({ hasKey }) => !hasKey))
    ? Bun.hash(texts.join("\n")).toString()
    : undefined
}

/** The rows from first to last, if the pages leave no gap provided that tied rows keep their order. */
function joinPages(pass: readonly Shown[]): readonly Row[] | undefined {
  const pages = pass.toSorted((a, b) => a.offset - b.offset)
  const [first] = pages
  if (first?.offset !== 0 || pages.at(-1)?.isEnd !== true) return undefined
  const most = pages.reduce((sum, { rows }) => sum + rows.length, 0)
  // If this many rows had no order, a page would begin with the shared ones with a probability of 1 / rows ** common.
  const common = Math.ceil(Math.log(1 / CHANCE) / Math.log(Math.max(2, most)))
  const joined = [...first.rows]
  let before = first
  for (const page of pages.slice(1)) {
    const shared = countShared(before, page)
    if (shared < common) return undefined
    for (const row of page.rows.slice(shared)) joined.push(row)
    before = page
  }
  const seen = new Set<string>()
  return joined.filter(({ text, hasKey }) => !hasKey || (!seen.has(text) && seen.add(text)))
}

/** How many rows at the start of a page are the last rows of the previous page; 0 if the pages do not join. */
function countShared(before: Shown, after: Shown): number {
  const head = after.rows[0]?.text
  const start = before.rows.findIndex(({ text }) => text === head)
  const isOnly = start === before.rows.findLastIndex(({ text }) => text === head)
  // Identical rows do not show where the page begins, but its offset does if no row has left meanwhile.
  const shared = before.rows.slice(isOnly ? start : after.offset - before.offset)
  const isShared = shared.every(({ text }, index) => text === after.rows[index]?.text)
  return start !== -1 && isShared ? shared.length : 0
}

/** Whether the later pass shows exactly the rows that stayed, in the order of the previous pass. */
function isOneOrder(before: readonly Row[], after: readonly Row[]): boolean {
  const there = new Set(after.map(({ text }) => text))
  const stayed = before.filter(({ text }) => there.has(text))
  return stayed.length === after.length && stayed.every(({ text }, index) => text === after[index]?.text)
}

function pause(repeats: number): Pick<PageRequest, "pauseS"> {
  return repeats > 0 ? { pauseS: pauseBefore(repeats) } : {}
}
