import type { IdSum } from "../../lib/id-sum.ts"

/** Rows joined in one buffer, each after a newline. */
export type JoinedRows = {
  readonly joined: Buffer
  /** The position of the newline before each row, and the end of the last row. */
  readonly boundaries: readonly number[]
}

export type JoinedMembers = JoinedRows & {
  readonly totalItems: number
  /** The key of a row: see {@link Rows}. */
  readonly id: (index: number) => string | undefined
  /** Adds the ids of rows as they were sent, even if they are not keys. Calls `onNone` for a row with an empty id, or none. */
  readonly addIds: (sum: IdSum, start: number, end: number, onNone: (index: number) => void) => void
}

export const NEWLINE = 0x0a

export function joinRows(rows: readonly Uint8Array[]): JoinedRows {
  const boundaries = [0]
  let end = 0
  for (const row of rows) boundaries.push((end += 1 + row.length))
  const joined = Buffer.alloc(end, NEWLINE)
  rows.forEach((row, index) => joined.set(row, at(boundaries, index) + 1))
  return { joined, boundaries }
}

export function at<T>(items: readonly T[], index: number): T {
  const item = items[index]
  if (item === undefined) throw new RangeError(`Cannot take row ${index} of ${items.length}`)
  return item
}
