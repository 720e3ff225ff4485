import type { Expected, MembersQuery, Second } from "./source.ts"
import type { Rest } from "./window.ts"

/** A row that is requested beside the first page of a list, where the list is expected to be cut. */
export type EarlyRow<P> = {
  readonly probe: P
  readonly offset: number
  isAnswered: boolean
  second?: Second
  /** The first page has shown that the list may be cut here. */
  isUsed: boolean
}

export type EarlyRows<P> = {
  /** The first page of a reading is requested. */
  begin(reading: object, query: MembersQuery, expected: Expected | undefined): void
  /** What the reading is expected to have, until rows are requested of it or its first page has come. */
  rest(reading: object): Rest | undefined
  /** These rows are requested, once for each reading. */
  request(reading: object, probes: readonly P[]): void
  has(probe: P): boolean
  /** The second to cut at now. That of an early row waits for the first page, and is dropped if it is not used. */
  found(probe: P, second: Second | undefined): Second | undefined
  /** The first page has come. The rows that were requested beside it. */
  end(reading: object): readonly EarlyRow<P>[]
}

/**
 * The first page alone tells how many rows there are, and which of them come first. So a list is never cut before that:
 * what its pages have is compared with a count that is older than they are.
 */
export function createEarlyRows<P extends { readonly query: MembersQuery }>(): EarlyRows<P> {
  const restOf = new WeakMap<object, Rest>()
  const rowsOf = new WeakMap<object, readonly EarlyRow<P>[]>()
  const rowOf = new WeakMap<P, EarlyRow<P>>()

  return {
    begin: (reading, query, expected) => {
      // What fits three pages is not cut at all.
      if (expected && expected.rows > 3 * expected.pageRows) restOf.set(reading, { ...expected, query })
    },
    rest: (reading) => restOf.get(reading),
    request: (reading, probes) => {
      restOf.delete(reading)
      const rows = probes.map((probe) => ({
        probe,
        offset: probe.query.offset,
        isAnswered: false,
        isUsed: false,
      }))
      rowsOf.set(reading, rows)
      for (const row of rows) rowOf.set(row.probe, row)
    },
    has: (probe) => rowOf.has(probe),
    found: (probe, second) => {
      const row = rowOf.get(probe)
      if (!row) return second
      row.isAnswered = true
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
