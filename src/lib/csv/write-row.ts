import { csvFormatValue } from "d3-dsv"
import { defuseFormulas } from "./formulas.ts"

export type Cell = string | number | boolean | null | undefined

/** Formulas are defused, or written as they are for a program that stores them. */
export type Formulas = "defused" | "raw"

/** Excel reads a file as UTF-8 only if the file begins with this character. */
export const byteOrderMark = "\ufeff"

/** Most cells need neither quotes nor defusing, and one test finds them. */
const isSpecial = /[",;\r\n]|^[=+\-@\t\uff1d\uff0b\uff0d\uff20]/

/**
 * Creates a function that writes one cell. Missing values are empty. Only texts are defused: the number -5 stays, the text "-5"
 * becomes '-5.
 */
export function createCellWriter(formulas: Formulas): (cell: Cell) => string {
  const writeSpecial =
    formulas === "raw" ? csvFormatValue : (text: string) => csvFormatValue(defuseFormulas(text))
  return (cell) => {
    if (typeof cell === "string") return isSpecial.test(cell) ? writeSpecial(cell) : cell
    return cell === undefined || cell === null ? "" : String(cell)
  }
}

/** Creates a function that writes one row of a CSV file as RFC 4180 has it, with its CRLF. */
export function createRowWriter(formulas: Formulas): (cells: readonly Cell[]) => string {
  const writeCell = createCellWriter(formulas)
  return (cells) => {
    const row = cells.map(writeCell).join(",")
    // Readers skip an empty line, so a single empty cell needs its quotes.
    return row === "" ? '""\r\n' : `${row}\r\n`
  }
}
