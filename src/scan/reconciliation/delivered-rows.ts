import { type IdSum, createIdSum } from "../../lib/id-sum.ts"
import { addRows } from "../add-rows.ts"
import { type Selected, countNew, newRanges } from "../deduplicate.ts"
import { countUpTo } from "../reading.ts"
import type { Page, Second } from "../source.ts"

/** What was delivered of a sweep since the export was started or resumed, each row counted once. */
export type DeliveredRows = {
  add(page: Page, selected: Selected): void
  rows(): number
  /** Rows up to the horizon. None of them is the second row of a member, because closed seconds only lose rows. */
  rowsOfBody(): number
  /** A sum that identifies the rows: see {@link IdSum}. */
  sum(): IdSum
}

export function createDeliveredRows(horizon: Second): DeliveredRows {
  const sum = createIdSum()
  let rows = 0
  let rowsOfBody = 0

  return {
    add: (page, selected) => {
      rows += countNew(selected)
      // rule: only rows that are delivered once prove that none is hidden
      rowsOfBody += countNew(selected, countUpTo(page, page.length, horizon))
      for (const { start, end } of newRanges(selected)) addRows(sum, page, start, end, horizon)
    },
    rows: () => rows,
    rowsOfBody: () => rowsOfBody,
    sum: () => sum.slice(),
  }
}
