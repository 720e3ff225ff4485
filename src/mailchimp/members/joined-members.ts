import type { IdSum } from "../../lib/id-sum.ts"

/** The rows one after the other, each after a newline. */
export type JoinedRows = {
  readonly joined: Buffer
  /** Where the newline before each row is, and where the last row ends. */
  readonly places: readonly number[]
}

export type JoinedMembers = JoinedRows & {
  readonly totalItems: number
  /** The key of a row: see {@link Rows}. */
  readonly id: (index: number) => string | undefined
  /** Adds the ids of rows as they were sent, even if they are no keys. Calls back for each that is empty, or no text. */
  readonly addIds: (sum: IdSum, start: number, end: number, onNone: (index: number) => void) => void
}

export const NEWLINE = 0x0a

export function joinRows(rows: readonly Uint8Array[]): JoinedRows {
  const places = [0]
  let end = 0
  for (const row of rows) places.push((end += 1 + row.length))
  const joined = Buffer.alloc(end, NEWLINE)
  rows.forEach((row, index) => joined.set(row, at(places, index) + 1))
  return { joined, places }
}

export function at<T>(items: readonly T[], index: number): T {
  const item = items[index]
  if (item === undefined) throw new RangeError(`Cannot take row ${index} of ${items.length}`)
  return item
}
