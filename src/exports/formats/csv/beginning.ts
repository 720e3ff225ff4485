import { byteOrderMark, createRowWriter } from "../../../lib/csv/write-row.ts"
import type { CsvOptions } from "./csv-options.ts"

/** The bytes that a CSV file begins with, before all of its columns are known. */
export type CsvBeginning = {
  /** The next byte. Empty if nothing is left. */
  piece(): Uint8Array
  /** How many bytes were sent. */
  sentBytes(): number
}

/**
 * The name of the first column is known before the others, so pieces of it keep a response alive while the columns are read.
 *
 * @param firstName undefined if it is not known, because the fields that are always first are excluded: then it will have quotes
 */
export function createCsvBeginning(
  firstName: string | undefined,
  { formulas = "defused", bom = false }: CsvOptions,
): CsvBeginning {
  const writeRow = createRowWriter(formulas)
  const text = Buffer.from(
    `${bom ? byteOrderMark : ""}${firstName === undefined ? '"' : writeRow([firstName]).trimEnd()}`,
  )
  let sent = 0
  return {
    piece: () => {
      const piece = text.subarray(sent, sent + 1)
      sent += piece.length
      return piece
    },
    sentBytes: () => sent,
  }
}
