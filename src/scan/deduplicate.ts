import type { Fingerprint, Page, Second } from "./source.ts"

/** Rows of a page, from `start` to before `end`. */
export type Range = { readonly start: number; readonly end: number }

/** One response, and the ranges of its rows that the consumer does not have yet: often all, sometimes none. */
export type ScannedPage = {
  readonly listId: string
  readonly page: Page
  readonly ranges: readonly Range[]
}

/** The rows of a page that are delivered. */
export type Selected = {
  readonly ranges: readonly Range[]
  /** Rows in `ranges` that were counted before: without a key, only their number tells them apart. */
  readonly again: readonly number[]
}

/**
 * The last version delivered of each member whose second was open at the time. A row equal to that version is a duplicate,
 * in all readings of a list. Equality with *any* earlier version is not enough: an edit and its undo fit into one second.
 */
export type OpenVersions = Map<string, Fingerprint>

/** What was delivered of a closed second: the row of each member, by key. */
export type KnownRows = Map<string, Fingerprint>

/** The rows of a page that may be duplicates; all others are delivered without a check. */
export type Doubts = {
  /** Rows before this index are dropped if they are known. */
  readonly headEnd: number
  readonly known: KnownRows
  /** Rows from this index on are of an open second. */
  readonly openStart: number
}

/** Selects the rows to deliver among the first `end` of a page. Records what is delivered of open seconds in `versions`. */
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

  /** Number of known rows whose ids the head no longer shows: they left, or share their id with another row. */
  function countLostKeys(): number {
    const shown = new Set(Array.from({ length: headEnd }, (_, index) => page.id(index)))
    return [...known.keys()].filter((key) => !key.startsWith("\n") && !shown.has(key)).length
  }

  function isDelivered(index: number): boolean {
    // Most rows cannot be duplicates, so their ids need not be read.
    if (index >= headEnd && index < openStart && versions.size === 0) return false
    const { key, hasId } = keyOf(index)
    const fingerprint = hasId ? page.fingerprint(index) : NO_ID
    const before = index < headEnd ? known.get(key) : undefined
    // rule: a row is dropped if it equals the last version, not any version
    // rule: a row is dropped only if its id and its bytes are known
    const isSame = before === fingerprint || versions.get(key) === fingerprint
    // A row without an id may be another member's.
    // rule: a row without a key is never dropped
    if (isSame && hasId) return true
    // rule: a row without a key is counted once
    if (isSame || before !== undefined) again.push(index)
    else if (!hasId && index < headEnd) unknown.push(index)
    // A closed version is the last of its second, so no later row can equal the version before it.
    if (index >= openStart) versions.set(key, fingerprint)
    else versions.delete(key)
    return false
  }
}

const NO_ID = ""

/**
 * The keys of a page's rows: their ids. The key of a row without an id is its second and its number among such rows of that
 * second in the page, so each is counted once, however often the same page is read again.
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

/** Number of rows in the ranges, or of those before the index `before`. */
export function countRows(ranges: readonly Range[], before = Number.POSITIVE_INFINITY): number {
  return ranges.reduce((rows, { start, end }) => rows + Math.max(0, Math.min(end, before) - start), 0)
}

/** Number of selected rows that were not counted before. */
export function countNew({ ranges, again }: Selected, before = Number.POSITIVE_INFINITY): number {
  return countRows(ranges, before) - again.filter((index) => index < before).length
}

/** The ranges of the selected rows that were not counted before. */
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
