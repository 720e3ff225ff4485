import type { Fingerprint, Page, Second } from "./source.ts"

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
export type OpenVersions = Map<
  string,
  { readonly second: Second | undefined; readonly fingerprint: Fingerprint }
>

/** Which rows of a page need a closer look; all others are delivered as they are. */
export type Doubts = {
  /** Rows before this one are dropped when their id is known. */
  readonly headEnd: number
  readonly knownIds: ReadonlySet<string>
  /** Rows from this one on are of an open second. */
  readonly openStart: number
}

export type Selected = {
  readonly ranges: readonly Range[]
  /** Whether a member is among them in a second in which it was not delivered before. */
  readonly isNew: boolean
}

/** The rows among the first `end` of a page that are to be delivered. Notes what was delivered of open seconds. */
export function selectRows(
  page: Page,
  end: number,
  { headEnd, knownIds, openStart }: Doubts,
  versions: OpenVersions,
): Selected {
  const ranges: Range[] = []
  let start = 0
  let isNew = false
  for (let index = 0; index < end; index += 1) {
    // Most rows of most pages are in no doubt, and their ids need not be looked at.
    if (index >= headEnd && index < openStart && versions.size === 0) isNew = true
    else if (isDelivered(index)) {
      if (index > start) ranges.push({ start, end: index })
      start = index + 1
    }
  }
  if (end > start) ranges.push({ start, end })
  return { ranges, isNew }

  function isDelivered(index: number): boolean {
    const id = page.id(index)
    if (index < headEnd && knownIds.has(id)) return true
    const isOpen = index >= openStart
    const last = versions.get(id)
    if (isOpen || last) {
      const version = { second: page.second(index), fingerprint: page.fingerprint(index) }
      if (last?.fingerprint === version.fingerprint) return true
      if (isOpen) versions.set(id, version)
      else versions.delete(id)
      if (last?.second === version.second) return false
    }
    isNew = true
    return false
  }
}

export function countRows(ranges: readonly Range[]): number {
  return ranges.reduce((rows, { start, end }) => rows + end - start, 0)
}
