/**
 * Matches the positions before which a spreadsheet would begin a formula. A tab, a line break and the full-width forms of the
 * signs count at the beginning of a cell, because a spreadsheet may drop or convert them.
 *
 * An Excel whose list separator is `;` begins a new cell after a `;`, and a new row after a line break, even inside a quoted
 * cell. It also drops quotes that come next, so these may precede the sign.
 */
const beforeFormula =
  /(?<=^|;)(?=[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])|(?<=[;\r\n])(?="*[=+\-@\uff1d\uff0b\uff0d\uff20])/g

/** Puts an apostrophe before each formula in a cell, so that spreadsheets show the text instead of running it. */
export function defuseFormulas(text: string): string {
  return text.replaceAll(beforeFormula, "'")
}
