import { createRowBytes } from "../../../lib/csv/row-bytes.ts"
import { byteOrderMark, createRowWriter } from "../../../lib/csv/write-row.ts"
import type { PartEncoder } from "../format.ts"
import type { FileColumns } from "./columns.ts"
import type { CsvOptions } from "./csv-options.ts"
import { createHeldBack } from "./held-back.ts"
import { readRow } from "./read-row.ts"

const NEWLINE = 0x0a

/** At one byte every ten seconds they last ten minutes, which is how long a failing request is retried. */
const HELD_BYTES = 64

/**
 * A CSV file as RFC 4180 has it: a header, then one row per member. `keepAlive()` returns nothing when nothing is left to send.
 * `rows()` throws `columns_changed`: see {@link createMailchimpColumns}.
 *
 * @param sentBytes how many bytes of the file were sent before: see {@link createCsvBeginning}
 * @param isFirstQuoted whether the name of the first column has quotes also if it needs none
 */
export function createCsvFile(
  columns: FileColumns,
  {
    formulas = "defused",
    bom = false,
    sentBytes = 0,
    isFirstQuoted = false,
  }: CsvOptions & { readonly sentBytes?: number; readonly isFirstQuoted?: boolean } = {},
) {
  const file = createRowBytes(formulas)
  const held = createHeldBack(HELD_BYTES)
  return {
    start: () => {
      const names = createRowWriter(formulas)(columns.names)
      // Only a name in quotes begins with one.
      const quoted = isFirstQuoted && !names.startsWith('"') ? names.replace(/^[^,\r]*/, '"$&"') : names
      const header = Buffer.from(`${bom ? byteOrderMark : ""}${quoted}`)
      return held.hold(header.subarray(sentBytes))
    },
    rows: (bytes) => {
      // They are sent before the rows, and stay held back if a row cannot be written.
      file.begin(held.bytes())
      const rows = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
      for (let start = 1; start < rows.length;) {
        const newline = rows.indexOf(NEWLINE, start)
        const end = newline === -1 ? rows.length : newline
        columns.writeCells(readRow(rows, start, end, columns.member), file)
        file.endRow()
        start = end + 1
      }
      return held.hold(file.take())
    },
    keepAlive: held.piece,
    endRow: held.rest,
    broken: held.rest,
    end: held.rest,
  } satisfies PartEncoder
}
