import type { Fingerprint, Page } from "./source.ts"

/** Rows of a page, from `start` to before `end`. */
export type Range = { readonly start: number; readonly end: number }

/** What one answer brought: the rows of it that the consumer does not have yet. Often all, sometimes none. */
export type Delivery = {
  readonly listId: string
  readonly page: Page
  readonly ranges: readonly Range[]
}

/**
 * The last version delivered of each member whose second was open then. A row that equals it may be dropped, over all
 * readings of a list. Equal to *any* earlier version would not do: an edit and its undoing fit into one second.
 */
export type OpenVersions = Map<string, Fingerprint>

/** Which rows of a page need a closer look; all others are delivered as they are. */
export type Doubts = {
  /** Rows before this one are dropped when their id is known. */
  readonly headEnd: number
  readonly knownIds: ReadonlySet<string>
  /** Rows from this one on are of an open second. */
  readonly openStart: number
}

/** The rows among the first `end` of a page that are to be delivered. Notes what was delivered of open seconds. */
export function selectRows(
  page: Page,
  end: number,
  { headEnd, knownIds, openStart }: Doubts,
  versions: OpenVersions,
): readonly Range[] {
  const ranges: Range[] = []
  let start = 0
  for (let index = 0; index < end; index += 1) {
    if (!isDelivered(index)) continue
    if (index > start) ranges.push({ start, end: index })
    start = index + 1
  }
  if (end > start) ranges.push({ start, end })
  return ranges

  function isDelivered(index: number): boolean {
    // Most rows of most pages are in no doubt, and their ids need not be looked at.
    if (index >= headEnd && index < openStart && versions.size === 0) return false
    const id = page.id(index)
    if (id === undefined) return false
    if (index < headEnd && knownIds.has(id)) return true
    const isOpen = index >= openStart
    if (!isOpen && !versions.has(id)) return false
    const fingerprint = page.fingerprint(index)
    if (versions.get(id) === fingerprint) return true
    // A closed version is the last one of its second, so nothing can equal the one before it any more.
    if (isOpen) versions.set(id, fingerprint)
    else versions.delete(id)
    return false
  }
}

/** How many rows are in the ranges, or in what is before a place of them. */
export function countRows(ranges: readonly Range[], before = Number.POSITIVE_INFINITY): number {
  return ranges.reduce((rows, { start, end }) => rows + Math.max(0, Math.min(end, before) - start), 0)
}
