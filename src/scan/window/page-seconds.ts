import type { Page, Second } from "../source.ts"

/** The second of the last row that has one. */
export function lastSecond(page: Page): Second | undefined {
  for (let index = page.length - 1; index >= 0; index -= 1) {
    const second = page.second(index)
    if (second !== undefined) return second
  }
  return undefined
}

/** The first second in the page after this one. Infinity if there is none. */
export function firstSecondAfter(page: Page, second: Second): Second {
  let first = Number.POSITIVE_INFINITY
  for (let index = page.length - 1; index >= 0; index -= 1) {
    const later = page.second(index)
    if (later === undefined || later <= second) break
    first = later
  }
  return first
}

/** How many rows at the start of a page are of this second or earlier. */
export function countHead(page: Page, second: Second): number {
  let rows = 0
  while (rows < page.length && (page.second(rows) ?? Number.NEGATIVE_INFINITY) <= second) rows += 1
  return rows
}
