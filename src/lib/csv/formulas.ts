/** The last four are the full-width forms of the others: spreadsheets convert them. Whitespace before a sign may be dropped. */
const formulaAtStart = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/

/** The first byte of the full-width forms in UTF-8, and their number of bytes. */
const WIDE_FIRST = 0xef
const WIDE_LENGTH = 3
const isSign = Uint8Array.from({ length: 128 }, (_, byte) =>
  Number(formulaAtStart.test(String.fromCharCode(byte))),
)

/**
 * An Excel whose list separator is `;` begins a new cell after a `;`, and a new row after a line break, even inside a quoted
 * cell. It also drops quotes that come next, so these may precede the sign.
 */
const formulaInside = /;(?=[\t\r\n])|[;\r\n](?="*[=+\-@\uff1d\uff0b\uff0d\uff20])/g

/** What `formulaInside` begins with: most cells have none. */
const cellOrRowEnd = /[;\r\n]/

/** Puts an apostrophe before each formula in a cell, so that spreadsheets show the text instead of running it. */
export function defuseFormulas(text: string): string {
  const defused = cellOrRowEnd.test(text) ? text.replaceAll(formulaInside, "$&'") : text
  return formulaAtStart.test(text) ? `'${defused}` : defused
}

/** Whether the UTF-8 text that begins at `start` is a formula. */
export function beginsFormula(bytes: Buffer, start: number): boolean {
  const first = bytes[start] ?? 0
  if (isSign[first] === 1) return true
  return first === WIDE_FIRST && formulaAtStart.test(bytes.toString("utf8", start, start + WIDE_LENGTH))
}
