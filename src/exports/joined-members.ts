import { objectEntries } from "../lib/json-bytes.ts"
import type { IdSum } from "./id-sum.ts"
import { MalformedPage } from "./malformed-page.ts"

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
  /** Adds the id of a row as it was sent, even if it is no key. False if it is empty, or no text. */
  readonly addId: (sum: IdSum, index: number) => boolean
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

/**
 * The same rows without some of their keys.
 *
 * @throws {MalformedPage} if a row is not an object
 */
export function withoutKeys({ joined, places }: JoinedRows, keys: readonly string[]): JoinedRows {
  return joinRows(
    places.slice(0, -1).map((_, index) => {
      const row = joined.subarray(at(places, index) + 1, at(places, index + 1))
      const kept = entriesOf(row)
        .filter(({ key }) => !keys.includes(key))
        .map(({ entry }) => row.subarray(entry.start, entry.end))
      return Buffer.concat([
        Buffer.from("{"),
        ...kept.flatMap((entry, index) => (index === 0 ? [entry] : [Buffer.from(","), entry])),
        Buffer.from("}"),
      ])
    }),
  )
}

/** The rows of a page are not validated before, so a damaged one is found here. */
function entriesOf(row: Buffer) {
  try {
    const entries = objectEntries(row, 0)
    const end = entries.at(-1)?.entry.end ?? 1
    if (row.toString("utf8", end).trim() === "}") return entries
  } catch (cause) {
    throw new MalformedPage("a row is not JSON", cause)
  }
  throw new MalformedPage("a row is not JSON")
}

export function at<T>(items: readonly T[], index: number): T {
  const item = items[index]
  if (item === undefined) throw new RangeError(`Cannot take row ${index} of ${items.length}`)
  return item
}
