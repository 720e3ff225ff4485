import { MAX_REPEATS } from "../reading.ts"
import type { Page } from "../source.ts"

/** Rows to request, from `offset` to before `end` or the last row: any number of pages. */
export type Part = {
  readonly offset: number
  readonly end: number
  /** How often it was requested without a row in the response. */
  readonly repeats: number
  /** The offset that an earlier page of this part reached, which was truncated or the last one. */
  readonly reached?: number
}

/** How many rows a page has, and how many rows there are. */
export type Size = Pick<Page, "count" | "totalItems">

export type OffsetParts = {
  /** Takes a page of the current pass to request; the rest stays for concurrent requests. Undefined if nothing is left. */
  take(): Part | undefined
  /** Records the size in the latest response. Until then only one page is taken. */
  note(size: Size): void
  /** Requests the rest of a truncated page. False if it was truncated too often. */
  receive(part: Part, page: Page): boolean
  /** Whether all pages of the current pass are requested. */
  isEmpty(): boolean
  /** Begins a pass with the first row. */
  restart(): void
}

/** One row, requested for the count in its response. */
export const COUNT: Part = { offset: 0, end: 1, repeats: 0 }
const WHOLE: Part = { offset: 0, end: Number.POSITIVE_INFINITY, repeats: 0 }

/** The share of a page that the next page requests again, so that a few rows that leave open no gap. */
const OVERLAP = 1 / 20
/** The least number of rows by which pages overlap. */
const MIN_OVERLAP = 8

/** The pages to request by offset: in passes, each from the first row to the last. */
export function createOffsetParts(first: "count" | "pass"): OffsetParts {
  let parts = [first === "count" ? COUNT : WHOLE]
  let size: Size | undefined

  return {
    take: () => {
      const part = parts.shift()
      if (!part || !size) return part
      const pageEnd = part.offset + size.count
      if (pageEnd >= Math.min(part.end, size.totalItems)) return part
      const next = Math.max(part.offset + 1, pageEnd - overlapOf(size))
      parts.unshift({ offset: next, end: part.end, repeats: 0 })
      return { ...part, end: pageEnd }
    },
    note: (latest) => (size = latest),
    receive: (part, page) => {
      parts = parts.filter(({ offset }) => offset < page.totalItems)
      if (isWhole(part, page)) return true
      const rest = restOf(part, page)
      if (rest) parts.unshift(rest)
      return rest !== undefined
    },
    isEmpty: () => parts.length === 0,
    restart: () => {
      parts = [WHOLE]
    },
  }
}

/** How many pages a pass has. */
export function countPages(size: Size): number {
  const step = Math.max(1, size.count - overlapOf(size))
  return Math.max(1, Math.ceil(size.totalItems / step))
}

/** How many rows of a page the next page repeats. */
function overlapOf({ count }: Pick<Page, "count">): number {
  return Math.min(Math.ceil(count / 4), Math.max(MIN_OVERLAP, Math.ceil(count * OVERLAP)))
}

/** Whether the page has all rows of the part. A page that ends where the one before it did was not truncated by chance. */
function isWhole(part: Part, page: Page): boolean {
  const reached = part.offset + page.length
  const isAfterLast = page.length === 0 && part.offset > 0
  return reached >= Math.min(part.end, page.totalItems) || isAfterLast || part.reached === reached
}

/** What a truncated page lacks of its part. */
function restOf(part: Part, page: Page): Part | undefined {
  const reached = part.offset + page.length
  // The next page may be truncated as well, so with a full overlap the reading might not advance.
  const offset = reached - Math.min(overlapOf(page), Math.floor(page.length / 3))
  if (offset > part.offset) return { offset, end: part.end, repeats: 0, reached }
  return part.repeats < MAX_REPEATS ? { ...part, repeats: part.repeats + 1 } : undefined
}
