import { type IdSum, addText } from "../lib/id-sum.ts"
import type { Page, Second } from "./source.ts"

/**
 * Adds rows by their ids, and those that were changed after the horizon by their seconds as well, which tell one version
 * from another. Those before it have not changed since the export began.
 */
export function addRows(sum: IdSum, page: Page, start: number, end: number, horizon: Second): void {
  if (end <= start) return
  page.addIds(sum, start, end)
  const isLater = (index: number) => (page.second(index) ?? Number.NEGATIVE_INFINITY) > horizon
  // Rows come in the order of their seconds, those without one at either end.
  const edges = [start, end - 1]
  if (edges.every((index) => page.second(index) !== undefined && !isLater(index))) return
  for (let index = start; index < end; index += 1)
    if (isLater(index)) addText(sum, String(page.second(index)))
}
