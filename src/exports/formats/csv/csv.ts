import { byteOrderMark, createRowWriter, type Cell } from "../../../lib/csv/write-row.ts"
import type { PartEncoder } from "../format.ts"
import type { Columns } from "./columns.ts"
import type { CsvOptions } from "./csv-options.ts"
import { createHeldBack } from "./held-back.ts"
import { parseRows } from "./parse-rows.ts"

/** At one byte every ten seconds they last ten minutes, which is how long a failing request is retried. */
const HELD_BYTES = 64

/**
 * A CSV file as RFC 4180 has it: a header, then one row per member. `keepAlive()` returns nothing when nothing is left to send.
 * `rows()` throws `columns_changed`: see {@link createMailchimpColumns}.
 *
 * @param sentBytes how many bytes of the file were sent before: see {@link createCsvBeginning}
 */
export function createCsv(
  columns: Columns,
  { formulas = "defused", bom = false, sentBytes = 0 }: CsvOptions & { readonly sentBytes?: number } = {},
) {
  const writeRow = createRowWriter(formulas)
  const held = createHeldBack(HELD_BYTES)
  return {
    start: () => {
      const header = Buffer.from(`${bom ? byteOrderMark : ""}${writeRow(columns.names)}`)
      return held.add(header.subarray(sentBytes))
    },
    rows: (bytes) => {
      let text = ""
      for (const member of parseRows(bytes)) {
        const cells: Cell[] = []
        columns.addCells(member, cells)
        text += writeRow(cells)
      }
      return held.add(Buffer.from(text))
    },
    keepAlive: held.piece,
    endRow: held.rest,
    broken: held.rest,
    end: held.rest,
  } satisfies PartEncoder
}
