import { createRecent } from "./recent.ts"
import { createPageSize, type PageSize } from "./page-size.ts"

/** Mailchimp's own maximum. */
export const largestPage = 1000

/** An estimate of the bytes of a row, from the pages seen so far. */
type RowBytes = {
  /** Undefined before the first page. */
  current(): number | undefined
  saw(bytes: number, rows: number): void
  /** A page with this many rows was too large: it had at least `bytes`. */
  exceeded(bytes: number, rows: number): void
}

/** What is known about the pages of one connection, so that the next request need not learn it again. */
export type PageHistory = {
  /** The page size of one collection, such as the members of a list. */
  size(collection: string): PageSize
  /** The size of the rows of one collection, or of all rows that are requested with the same fields. */
  rowBytes(rows: string): RowBytes
}

/** An entry takes about 200 bytes, so ten thousand take two megabytes. */
const maxEntries = 10_000

/** The histories of all connections. The least recently used entries are dropped, so memory is bounded. */
export function createPageHistories(max = maxEntries): (connectionId: string) => PageHistory {
  const sizes = createRecent<PageSize>(max)
  const rowBytes = createRecent<RowBytes>(max)
  return (connectionId) => ({
    size: (collection) => sizes.get(`${connectionId} ${collection}`, () => createPageSize(largestPage)),
    rowBytes: (rows) => rowBytes.get(`${connectionId} ${rows}`, createRowBytes),
  })
}

/** Fewer rows say nothing about others: a probe has one. */
const fewestRows = 10

const fastest = 1 / 2
const slowest = 1 / 32

/**
 * The estimate rises at once and falls by half, so that one page of small rows among large rows does not make the next page
 * too large. If a page is too large again after the estimate fell, the size of most rows was not the cause: from then on the
 * estimate falls half as fast.
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
      // Concurrent pages exceed the limit together, so they count once.
      if (hasExceeded && hasFallen) fall = Math.max(slowest, fall / 2)
      hasExceeded = true
      hasFallen = false
      note(bytes, rows)
    },
  }
}
