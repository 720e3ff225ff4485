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
  /** Why it ended although not all rows that were counted have been seen, if it did. */
  lack(): Lack | undefined
}

/** After so many readings from the beginning that bring no new row, no other one will. */
const MAX_PASSES_IN_VAIN = 3
/**
 * Rows that keep leaving, or a count that never rests, must not hold the export for ever: so many questions for each of its
 * pages, which are as many readings, or fewer where answers are cut short.
 */
const MAX_QUESTIONS_A_PAGE = 20
/** So many readings in succession that show the same rows at the same places, while none leaves, show all there are. */
const ALIKE = 3
/** The part of a page that is asked for again with the next one, so that few leavers open no gap; and so many rows at least. */
const OVERLAP = 1 / 20
const MIN_OVERLAP = 8
/** How unlikely it must be that rows which are in no fixed order look as if they were. */
const CHANCE = 1e-9

/** Rows to ask for, from an offset to the one that has to be reached, as far as there are so many: of any number of pages. */
type Part = {
  readonly offset: number
  readonly end: number
  readonly repeats: number
  /** Up to where an earlier page of it came, which was cut short or the last one. */
  readonly reached?: number
}
const WHOLE: Part = { offset: 0, end: Number.POSITIVE_INFINITY, repeats: 0 }
/** One row, for the count that comes with it. */
const COUNT: Part = { offset: 0, end: 1, repeats: 0 }
/** What a row is told apart by: its key, as its bytes may change without its date; its bytes where it has no key. */
type Row = { readonly text: string; readonly hasKey: boolean }
/** What a page of the present reading showed. */
type Shown = { readonly offset: number; readonly rows: readonly Row[]; readonly isEnd: boolean }
type Requested = {
  /** None where the question is whether the second is gone. */
  readonly part: Part | undefined
  /** How many answers there were when it was asked. */
  readonly after: number
}

/**
 * What is read: a closed second, to which the question is bound; the rows without a date, which the first one that has a
 * date ends; those that are dated ahead; or all rows of a list, whatever their dates.
 */
type Kind = "second" | "undated" | "ahead" | "all"

type OffsetReadingOptions = {
  readonly pageRows?: number
  readonly isChanged?: (page: Page, index: number) => boolean
}

/**
 * Reads by offset what no date can tell apart: above all a crowded second, which is closed and fills a page by itself. Rows
 * that leave it meanwhile shift the others to the left, or into a gap between two pages. And nothing documents that rows
 * which tie are in the same order each time. So it is counted first, and then read from the beginning, again and again if
 * need be, until it is complete; all its pages may be asked for side by side.
 *
 * The second can only lose rows, so what is shown after an answer was there when that answer's total was counted. When, for
 * any of the answers, the distinct ids shown by questions asked after it are as many as its total, they are all of it, in
 * whatever order they came. Who left after he was shown does not matter. And one page that reaches the end is complete.
 *
 * Where rows leave all the while, before they are shown, too, that may take long. But where pages join, one begins with the
 * rows that the other ends with: as long as rows that tie are in a fixed order, nobody who stayed can be between the two. So
 * when two readings in succession show one order, each without a gap, and the later one as many rows as were counted
 * meanwhile, it is complete as well.
 *
 * Rows without a key are never counted as shown, because nothing tells two of them apart. Where there are any, only their
 * order shows that all were read: that one, or the same rows at the same places in three readings while none has left.
 *
 * Rows without a date, or dated ahead, only lose rows, too, as a change gives them the present second. All rows of a list do
 * not, so that reading is no more than a last resort, where Mailchimp's answers do not add up, and it shows that nothing is
 * missing only if no row of it was changed after it began.
 *
 * @param query the question for just this second, (second - 1, second]; or for all rows, those without a date first
 * @param known its rows that were delivered before; new ones are added
 * @param options.isChanged of all rows: whether one was changed after the reading began
 * @param options.pageRows how many rows a page has. Without it the first page is the one that counts
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
  /** Of each id the latest question that showed it, by the answers there were before; and how many ids each of them has. */
  const shownAfter = new Map<string, number>()
  const idsAfter: number[] = []
  let beforePass = { total: Number.NaN, missing: Number.NaN }
  let passesInVain = 0
  let pass: Shown[] = []
  /** The rows of the reading before, in their order, if its pages joined. */
  let joinedBefore: readonly Row[] | undefined
  /** The rows of the reading before, by their places, and how many readings in succession showed the same. */
  let steadyBefore: string | undefined
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

  /** The first page of what is to be asked for; the rest stays, for questions side by side. */
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
    // Were `before` not heeded, no total would say how many rows of this second there are.
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

  /** It filled a page, and now it is gone. Or else Mailchimp's `before` is not inclusive any more. */
  function receiveWithoutBefore(page: Page): Selected {
    const isUnanswered = page.length === 0 && page.totalItems > 0
    doubts = (doubts ?? 0) + 1
    if (isUnanswered && doubts <= MAX_REPEATS) return NOTHING
    const isThere = page.length > 0 && page.second(0) === query.before
    ended = isUnanswered ? "count" : isThere ? "rules" : "complete"
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

  /** One answer, of one moment: from the first row to the last. */
  function holdsAll(page: Page, { offset }: Part): boolean {
    return kind !== "all" && offset === 0 && reachesEnd(page, 0)
  }

  /** How many rows of an answer's total were not shown by questions asked after it, for the answer that lacks fewest. */
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
    // A page that ends where the one before ended was not cut short by chance.
    const isEnd = (page.length === 0 && part.offset > 0) || part.reached === reached
    if (reached < Math.min(part.end, page.totalItems) && !isEnd) {
      // A page that is cut short may be cut short again, so that a whole overlap would never get on.
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
    if (passesInVain === MAX_PASSES_IN_VAIN || totals.length >= MAX_QUESTIONS_A_PAGE * pages) ended = "count"
    beforePass = now
    pass = []
    unrequested = [WHOLE]
  }
}

/** Where a row with a date follows, those before it are all there are. */
function withoutDated(page: Page, offset: number): Page {
  let length = 0
  while (length < page.length && page.second(length) === undefined) length += 1
  return length === page.length ? page : { ...page, length, totalItems: offset + length }
}

function overlapOf({ count }: Pick<Page, "count">): number {
  return Math.min(Math.ceil(count / 4), Math.max(MIN_OVERLAP, Math.ceil(count * OVERLAP)))
}

/** What tells a reading from another: its rows by their places, if each place was shown and all responses count as many. */
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

/** The rows from the first to the last, if the pages show everything between the two as long as rows that tie keep their order. */
function joinPages(pass: readonly Shown[]): readonly Row[] | undefined {
  const pages = pass.toSorted((a, b) => a.offset - b.offset)
  const [first] = pages
  if (first?.offset !== 0 || pages.at(-1)?.isEnd !== true) return undefined
  const most = pages.reduce((sum, { rows }) => sum + rows.length, 0)
  // Of so many rows in no order, a page would begin with these by one chance in rows ** common.
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

/** With how many rows a page begins that the one before ends with; 0 where the two do not fit. */
function countShared(before: Shown, after: Shown): number {
  const head = after.rows[0]?.text
  const start = before.rows.findIndex(({ text }) => text === head)
  const isOnly = start === before.rows.findLastIndex(({ text }) => text === head)
  // Rows that are alike do not tell where the page begins, but its offset does, if no row has left meanwhile.
  const shared = before.rows.slice(isOnly ? start : after.offset - before.offset)
  const isShared = shared.every(({ text }, index) => text === after.rows[index]?.text)
  return start !== -1 && isShared ? shared.length : 0
}

/** Whether the later reading shows those who stayed, in the order of the one before, and nobody else. */
function isOneOrder(before: readonly Row[], after: readonly Row[]): boolean {
  const there = new Set(after.map(({ text }) => text))
  const stayed = before.filter(({ text }) => there.has(text))
  return stayed.length === after.length && stayed.every(({ text }, index) => text === after[index]?.text)
}

function pause(repeats: number): Pick<PageRequest, "pauseS"> {
  return repeats > 0 ? { pauseS: pauseBefore(repeats) } : {}
}
