import { type IdSum, addText } from "../lib/id-sum.ts"
import type { Page, Second } from "./source.ts"

/**
 * Adds the ids of rows to a sum. For a row that changed after the horizon its second is added as well, which tells one
 * version from another. Rows up to the horizon have not changed since the export began.
 */
export function addRows(sum: IdSum, page: Page, start: number, end: number, horizon: Second): void {
  if (end <= start) return
  page.addIds(sum, start, end)
  const isLater = (index: number) => (page.second(index) ?? Number.NEGATIVE_INFINITY) > horizon
  // Rows are sorted by second; rows without one are at either end.
  const edges = [start, end - 1]
  if (edges.every((index) => page.second(index) !== undefined && !isLater(index))) return
  for (let index = start; index < end; index += 1)
    if (isLater(index)) addText(sum, String(page.second(index)))
}
