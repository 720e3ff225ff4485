import { createRecent } from "./recent.ts"
import { createPageSize, type PageSize } from "./page-size.ts"

/** Mailchimp's own maximum. */
export const largestPage = 1000

/** How many bytes a row has, by the pages seen so far. */
type RowBytes = {
  /** Undefined before the first page. */
  current(): number | undefined
  saw(bytes: number, rows: number): void
  /** A page of so many rows was too large: it had that many bytes, or more. */
  exceeded(bytes: number, rows: number): void
}

/** What is known of the pages of one connection, so that the next request need not find it out again. */
export type PageMemory = {
  /** Of one collection, such as the members of a list. */
  size(collection: string): PageSize
  /** Of the rows of one collection, or of all that are requested with the same fields. */
  rowBytes(rows: string): RowBytes
}

/** An entry has about 200 bytes: two megabytes for ten thousand. */
const mostEntries = 10_000

/** The memories of all connections. The entries that were not used for longest are forgotten, so memory is bounded. */
export function createPageMemories(most = mostEntries): (connectionId: string) => PageMemory {
  const sizes = createRecent<PageSize>(most)
  const rowBytes = createRecent<RowBytes>(most)
  return (connectionId) => ({
    size: (collection) => sizes.get(`${connectionId} ${collection}`, () => createPageSize(largestPage)),
    rowBytes: (rows) => rowBytes.get(`${connectionId} ${rows}`, createRowBytes),
  })
}

/** A few rows tell nothing of others: a probe has one. */
const fewestRows = 10

const fastest = 1 / 2
const slowest = 1 / 32

/**
 * Rises at once and falls by half, so that a page of small rows among large ones makes no page too large. Pages that are too
 * large again after it fell were no matter of their rows, or of few of them: from then on it falls half as fast.
 */
function createRowBytes(): RowBytes {
  let bytesPerRow: number | undefined
  let fall = fastest
  let hasExceeded = false
  let hasFallen = false

  const note = (bytes: number, rows: number) => {
    if (rows < fewestRows) return
    const seen = bytes / rows
    const before = bytesPerRow ?? seen
    bytesPerRow = Math.max(seen, before + (seen - before) * fall)
    hasFallen ||= bytesPerRow < before
  }

  return {
    current: () => bytesPerRow,
    saw: note,
    exceeded: (bytes, rows) => {
      // Pages under way together exceed together.
      if (hasExceeded && hasFallen) fall = Math.max(slowest, fall / 2)
      hasExceeded = true
      hasFallen = false
      note(bytes, rows)
    },
  }
}
