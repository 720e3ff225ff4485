import type { Formulas } from "../../../lib/csv/write-row.ts"

export type CsvOptions = {
  readonly formulas?: Formulas | undefined
  /** Whether the file begins with a byte order mark, for Excel. */
  readonly bom?: boolean | undefined
}
