import { type OpenVersions, type Range, selectRows } from "./delivery.ts"
import { type Question, type Reading, MAX_REPEATS, countUpTo, pauseBefore, reachesEnd } from "./reading.ts"
import type { MembersQuery, Page } from "./source.ts"

export type OffsetReading = Reading & {
  /** Whether it ended although not all rows that were counted have been seen. */
  isShort(): boolean
}

/** After so many readings from the beginning that bring no new row, no other one will. */
const MAX_PASSES_IN_VAIN = 3
/**
 * Rows that keep leaving, or a count that never rests, must not hold the export for ever: so many questions for each of its
 * pages, which are as many readings, or fewer where answers are cut short.
 */
const MAX_QUESTIONS_A_PAGE = 20
/** The part of a page that is asked for again with the next one, so that few leavers open no gap; and so many rows at least. */
const OVERLAP = 1 / 20
const MIN_OVERLAP = 8
/** How unlikely it must be that rows which are in no fixed order look as if they were. */
const CHANCE = 1e-9

/** Rows to ask for, from an offset to the one that has to be reached, as far as there are so many: of any number of pages. */
type Part = { readonly offset: number; readonly end: number; readonly repeats: number }
const WHOLE: Part = { offset: 0, end: Number.POSITIVE_INFINITY, repeats: 0 }
/** One row, for the count that comes with it. */
const COUNT: Part = { offset: 0, end: 1, repeats: 0 }
/** What a page of the present reading showed. */
type Shown = { readonly offset: number; readonly ids: readonly string[]; readonly isEnd: boolean }
type Asked = {
  /** None where the question is whether the second is gone. */
  readonly part: Part | undefined
  /** How many answers there were when it was asked. */
  readonly after: number
}

/**
 * What is read: a closed second, to which the question is bound; the rows without a date, which the first one that has a
 * date ends; or all rows of a list, whatever their dates.
 */
type Kind = "second" | "undated" | "all"

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
 * Rows without a date only lose rows, too, as a change gives them one. All rows of a list do not, so that reading is no
 * more than a last resort, where Mailchimp's answers do not add up.
 *
 * @param query the question for just this second, (second - 1, second]; or for all rows, those without a date first
 * @param deliveredIds the ids of its rows that were delivered before; new ones are added
 * @param pageRows how many rows a page has. Without it the first page is the one that counts
 */
export function createOffsetReading(
  query: Omit<MembersQuery, "offset">,
  kind: Kind,
  deliveredIds: Set<string>,
  versions: OpenVersions,
  pageRows?: number,
): OffsetReading {
  let unasked = [pageRows === undefined ? WHOLE : COUNT]
  const asked = new Map<Question, Asked>()
  let latest: Pick<Page, "count" | "totalItems"> | undefined

  const totals: number[] = []
  /** Of each id the latest question that showed it, by the answers there were before; and how many ids each of them has. */
  const shownAfter = new Map<string, number>()
  const idsAfter: number[] = []
  let beforePass = { total: Number.NaN, missing: Number.NaN }
  let passesInVain = 0
  let pass: Shown[] = []
  /** The rows of the reading before, in their order, if its pages joined. */
  let joinedBefore: readonly string[] | undefined

  let doubts: number | undefined
  let ended: "complete" | "short" | undefined

  return {
    nextQuestion,
    receive,
    isDone: () => ended !== undefined && asked.size === 0,
    isShort: () => ended === "short",
  }

  function nextQuestion(): Question | undefined {
    const part = ended ? undefined : takePart()
    if (part === COUNT) return note({ query: { ...query, offset: 0, count: 1 } }, part)
    if (part) return note({ query: { ...query, offset: part.offset }, ...pause(part.repeats) }, part)
    if (ended || doubts === undefined || asked.size > 0) return undefined
    return note({ query: { ...query, before: undefined, offset: 0, count: 1 }, ...pause(doubts) }, undefined)
  }

  /** The first page of what is to be asked for; the rest stays, for questions side by side. */
  function takePart(): Part | undefined {
    const part = unasked.shift()
    if (!part || !latest) return part
    const { offset, end } = part
    const pageEnd = offset + latest.count
    if (pageEnd >= Math.min(end, latest.totalItems)) return part
    unasked.unshift({ offset: Math.max(offset + 1, pageEnd - overlapOf(latest)), end, repeats: 0 })
    return { ...part, end: pageEnd }
  }

  function note(question: Question, part: Part | undefined): Question {
    asked.set(question, { part, after: totals.length })
    return question
  }

  function receive(answer: Page, question: Question): readonly Range[] {
    const { part, after } = asked.get(question) ?? { part: undefined, after: 0 }
    asked.delete(question)
    if (!part) return receiveWithoutBefore(answer)
    const page = kind === "undated" ? withoutDated(answer, part.offset) : answer
    const end = query.before === undefined ? page.length : countUpTo(page, page.length, query.before)
    const ranges = selectRows(page, end, { headEnd: end, knownIds: deliveredIds, openStart: end }, versions)
    const ids = Array.from({ length: end }, (_, index) => page.id(index) ?? `${part.offset + index}`)
    for (const id of ids) {
      deliveredIds.add(id)
      show(id, after)
    }
    totals.push(page.totalItems)
    latest = { count: part === COUNT && pageRows ? pageRows : page.count, totalItems: page.totalItems }
    if (ended) return ranges
    // Were `before` not heeded, no total would say how many rows of this second there are.
    if (end < page.length) ended = "short"
    else if (page.length === 0 && page.totalItems === 0) receiveNothing()
    else if (missing() === 0 || holdsAll(page, part)) ended = "complete"
    else if (part === COUNT) unasked = [WHOLE]
    else goOn(part, page, ids)
    return ranges
  }

  function receiveNothing(): void {
    if (totals.length === 1 && kind === "second") doubts = 0
    else ended = "complete"
  }

  /** It filled a page, and now it is gone. Or else Mailchimp's `before` is not inclusive any more. */
  function receiveWithoutBefore(page: Page): readonly Range[] {
    const isUnanswered = page.length === 0 && page.totalItems > 0
    doubts = (doubts ?? 0) + 1
    if (isUnanswered && doubts <= MAX_REPEATS) return []
    ended = isUnanswered || (page.length > 0 && page.second(0) === query.before) ? "short" : "complete"
    return []
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
    for (let answers = totals.length; answers > 0; answers -= 1) {
      shown += idsAfter[answers] ?? 0
      if (shown > 0) fewest = Math.min(fewest, Math.abs((totals[answers - 1] ?? 0) - shown))
    }
    return fewest
  }

  function goOn(part: Part, page: Page, ids: readonly string[]): void {
    pass.push({ offset: part.offset, ids, isEnd: reachesEnd(page, part.offset) })
    unasked = unasked.filter(({ offset }) => offset < page.totalItems)
    const reached = part.offset + page.length
    const isEmptyBehind = page.length === 0 && part.offset > 0
    if (reached < Math.min(part.end, page.totalItems) && !isEmptyBehind) {
      // A page that is cut short may be cut short again, so that a whole overlap would never get on.
      const next = reached - Math.min(overlapOf(page), Math.floor(page.length / 3))
      if (next > part.offset) unasked.unshift({ offset: next, end: part.end, repeats: 0 })
      else if (part.repeats < MAX_REPEATS) unasked.unshift({ ...part, repeats: part.repeats + 1 })
      else ended = "short"
    }
    if (unasked.length > 0 || asked.size > 0) return
    const joined = kind === "all" ? undefined : joinPages(pass)
    const counted = Math.max(...totals.slice(-pass.length))
    if (joined && joinedBefore && joined.length >= counted && isOneOrder(joinedBefore, joined))
      ended = "complete"
    else startAgain(page)
    joinedBefore = joined
  }

  function startAgain(page: Page): void {
    const now = { total: page.totalItems, missing: missing() }
    const isInVain = now.total === beforePass.total && now.missing >= beforePass.missing
    passesInVain = isInVain ? passesInVain + 1 : 0
    const step = Math.max(1, page.count - overlapOf(page))
    const pages = Math.max(1, Math.ceil(page.totalItems / step))
    if (passesInVain === MAX_PASSES_IN_VAIN || totals.length >= MAX_QUESTIONS_A_PAGE * pages) ended = "short"
    beforePass = now
    pass = []
    unasked = [WHOLE]
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

/** The rows from the first to the last, if the pages show everything between the two as long as rows that tie keep their order. */
function joinPages(pass: readonly Shown[]): readonly string[] | undefined {
  const pages = pass.toSorted((a, b) => a.offset - b.offset)
  const rows = new Set(pages.flatMap(({ ids }) => ids))
  // Of so many rows in no order, a page would begin with these by one chance in rows ** common.
  const common = Math.ceil(Math.log(1 / CHANCE) / Math.log(Math.max(2, rows.size)))
  const isWhole =
    pages.at(0)?.offset === 0 &&
    pages.at(-1)?.isEnd === true &&
    pages.every(({ ids }, index) => index === 0 || isJoined(pages[index - 1]?.ids ?? [], ids, common))
  return isWhole ? [...rows] : undefined
}

function isJoined(before: readonly string[], after: readonly string[], common: number): boolean {
  const shared = before.slice(before.indexOf(after[0] ?? ""))
  return shared.length >= common && shared.every((id, index) => id === after[index])
}

/** Whether the later reading shows those who stayed, in the order of the one before, and nobody else. */
function isOneOrder(before: readonly string[], after: readonly string[]): boolean {
  const there = new Set(after)
  const stayed = before.filter((id) => there.has(id))
  return stayed.length === after.length && stayed.every((id, index) => id === after[index])
}

function pause(repeats: number): Pick<Question, "pauseS"> {
  return repeats > 0 ? { pauseS: pauseBefore(repeats) } : {}
}
