import type { Range, ScannedPage } from "../scan/deduplicate.ts"
import type { Fingerprint, Second } from "../scan/source.ts"

/** The rows that the next pass shows again, because their seconds were open. */
export type RecentRows = {
  /**
   * The ranges of a page without rows that equal the last version delivered.
   *
   * @param closed rows up to this second are not shown again
   */
  select(scanned: ScannedPage, closed: Second): readonly Range[]
  /** Forgets the rows of a list up to this second: the next pass begins after it. */
  forget(listId: string, upTo: Second): void
  /** Forgets all rows: they are delivered again if they are shown again. */
  clear(): void
}

/**
 * A pass begins with the last closed second, so it shows the rows of the last seconds again. A row that equals the last
 * version delivered is dropped. A row without an id or a date is never dropped.
 */
export function createRecentRows(): RecentRows {
  const byList = new Map<string, Map<string, { readonly second: Second; readonly version: Fingerprint }>>()

  const isKnown = ({ listId, page }: ScannedPage, index: number, closed: Second) => {
    const id = page.id(index)
    const second = page.second(index)
    if (id === undefined || second === undefined) return false
    const rows = byList.get(listId)
    const version = page.fingerprint(index)
    if (rows?.get(id)?.version === version) return true
    if (second <= closed) rows?.delete(id)
    else byList.set(listId, (rows ?? new Map()).set(id, { second, version }))
    return false
  }

  return {
    select: (scanned, closed) =>
      scanned.ranges.flatMap(({ start, end }) => {
        const kept: Range[] = []
        let from = start
        for (let index = start; index < end; index += 1) {
          if (!isKnown(scanned, index, closed)) continue
          if (index > from) kept.push({ start: from, end: index })
          from = index + 1
        }
        if (end > from) kept.push({ start: from, end })
        return kept
      }),

    forget: (listId, upTo) => {
      const rows = byList.get(listId)
      if (rows === undefined) return
      for (const [id, { second }] of rows) if (second <= upTo) rows.delete(id)
      if (rows.size === 0) byList.delete(listId)
    },

    clear: () => byList.clear(),
  }
}
