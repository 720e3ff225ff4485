import type { Expected, MembersQuery, Second } from "./source.ts"
import type { Rest } from "./window/window.ts"

/** A single row requested concurrently with the first page of a list, at an offset where the list is expected to be split. */
export type EarlyRow<P> = {
  readonly probe: P
  readonly offset: number
  hasResponded: boolean
  second?: Second
  /** The first page has shown that the list may be split here. */
  isUsed: boolean
}

export type EarlyRows<P> = {
  /** Records that the first page of a reading is requested. */
  begin(reading: object, query: MembersQuery, expected: Expected | undefined): void
  /** The rows that the reading is expected to have, until early rows are requested of it or its first page has arrived. */
  rest(reading: object): Rest | undefined
  /** Records that these rows are requested. Once per reading. */
  request(reading: object, probes: readonly P[]): void
  has(probe: P): boolean
  /** The second to split at now. The second of an early row waits for the first page, and is dropped if the row is not used. */
  found(probe: P, second: Second | undefined): Second | undefined
  /** Records that the first page has arrived. Returns the rows that were requested with it. */
  end(reading: object): readonly EarlyRow<P>[]
}

/**
 * Only the first page shows how many rows there are and which of them come first. A list is never split before that page
 * arrives, because its rows are compared with a count that must be older than they are.
 */
export function createEarlyRows<P extends { readonly query: MembersQuery }>(): EarlyRows<P> {
  const restOf = new WeakMap<object, Rest>()
  const rowsOf = new WeakMap<object, readonly EarlyRow<P>[]>()
  const rowOf = new WeakMap<P, EarlyRow<P>>()

  return {
    begin: (reading, query, expected) => {
      // A list that fits three pages is not split.
      if (expected && expected.rows > 3 * expected.pageRows) restOf.set(reading, { ...expected, query })
    },
    rest: (reading) => restOf.get(reading),
    request: (reading, probes) => {
      restOf.delete(reading)
      const rows = probes.map((probe) => ({
        probe,
        offset: probe.query.offset,
        hasResponded: false,
        isUsed: false,
      }))
      rowsOf.set(reading, rows)
      for (const row of rows) rowOf.set(row.probe, row)
    },
    has: (probe) => rowOf.has(probe),
    found: (probe, second) => {
      const row = rowOf.get(probe)
      if (!row) return second
      row.hasResponded = true
      if (second !== undefined) row.second = second
      return row.isUsed ? second : undefined
    },
    end: (reading) => {
      const rows = rowsOf.get(reading) ?? []
      restOf.delete(reading)
      rowsOf.delete(reading)
      return rows
    },
  }
}
