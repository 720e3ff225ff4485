import type { Fingerprint, Page, Second } from "./source.ts"

/** Rows of a page, from `start` to before `end`. */
export type Range = { readonly start: number; readonly end: number }

/** What one answer brought: the rows of it that the consumer does not have yet. Often all, sometimes none. */
export type ScannedPage = {
  readonly listId: string
  readonly page: Page
  readonly ranges: readonly Range[]
}

/** Which rows of a page are delivered. */
export type Selected = {
  readonly ranges: readonly Range[]
  /** Rows among them that were counted before: they have no key, so that nothing but their number tells them apart. */
  readonly again: readonly number[]
}

/**
 * The last version delivered of each member whose second was open then. A row that equals it may be dropped, over all
 * readings of a list. Equal to *any* earlier version would not do: an edit and its undoing fit into one second.
 */
export type OpenVersions = Map<string, Fingerprint>

/** What was delivered of a closed second: of each member its row. */
export type KnownRows = Map<string, Fingerprint>

/** Which rows of a page need a closer look; all others are delivered as they are. */
export type Doubts = {
  /** Rows before this one are dropped when they are known. */
  readonly headEnd: number
  readonly known: KnownRows
  /** Rows from this one on are of an open second. */
  readonly openStart: number
}

/** The rows among the first `end` of a page that are to be delivered. Notes what was delivered of open seconds. */
export function selectRows(
  page: Page,
  end: number,
  { headEnd, known, openStart }: Doubts,
  versions: OpenVersions,
): Selected {
  const keyOf = createKeys(page)
  const ranges: Range[] = []
  const again: number[] = []
  const unknown: number[] = []
  let start = 0
  for (let index = 0; index < end; index += 1) {
    if (!isDelivered(index)) continue
    if (index > start) ranges.push({ start, end: index })
    start = index + 1
  }
  if (end > start) ranges.push({ start, end })
  if (unknown.length > 0) again.push(...unknown.slice(0, countLostKeys()))
  return { ranges, again }

  /** How many known rows the head does not show by their ids any more: they left, or have an id that another row has, too. */
  function countLostKeys(): number {
    const shown = new Set(Array.from({ length: headEnd }, (_, index) => page.id(index)))
    return [...known.keys()].filter((key) => !key.startsWith("\n") && !shown.has(key)).length
  }

  function isDelivered(index: number): boolean {
    // Most rows of most pages are in no doubt, and their ids need not be looked at.
    if (index >= headEnd && index < openStart && versions.size === 0) return false
    const { key, hasId } = keyOf(index)
    const fingerprint = hasId ? page.fingerprint(index) : NO_ID
    const before = index < headEnd ? known.get(key) : undefined
    const isSame = before === fingerprint || versions.get(key) === fingerprint
    // A row without an id is never dropped: it may be another member's.
    if (isSame && hasId) return true
    if (isSame || before !== undefined) again.push(index)
    else if (!hasId && index < headEnd) unknown.push(index)
    // A closed version is the last one of its second, so nothing can equal the one before it any more.
    if (index >= openStart) versions.set(key, fingerprint)
    else versions.delete(key)
    return false
  }
}

const NO_ID = ""

/**
 * The keys of a page's rows: their ids. A row without one is known by its second and its number among such rows of that
 * second in the page. So each is counted once, as often as the same page is read again.
 */
export function createKeys(page: Page): (index: number) => { readonly key: string; readonly hasId: boolean } {
  const seen = new Map<Second | undefined, number>()
  return (index) => {
    const id = page.id(index)
    if (id !== undefined) return { key: id, hasId: true }
    const second = page.second(index)
    const number = (seen.get(second) ?? 0) + 1
    seen.set(second, number)
    return { key: `\n${second} ${number}`, hasId: false }
  }
}

/** How many rows are in the ranges, or in what is before a place of them. */
export function countRows(ranges: readonly Range[], before = Number.POSITIVE_INFINITY): number {
  return ranges.reduce((rows, { start, end }) => rows + Math.max(0, Math.min(end, before) - start), 0)
}

/** How many of them were not counted before. */
export function countNew({ ranges, again }: Selected, before = Number.POSITIVE_INFINITY): number {
  return countRows(ranges, before) - again.filter((index) => index < before).length
}

/** The ranges of those that were not counted before. */
export function newRanges({ ranges, again }: Selected): readonly Range[] {
  if (again.length === 0) return ranges
  const old = new Set(again)
  return ranges.flatMap(({ start, end }) =>
    Array.from({ length: end - start }, (_, index) => ({
      start: start + index,
      end: start + index + 1,
    })).filter((row) => !old.has(row.start)),
  )
}
