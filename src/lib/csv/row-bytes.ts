import { remember } from "../remember.ts"
import { type Cell, createCellWriter, type Formulas } from "./write-row.ts"

const CARRIAGE_RETURN = 0x0d
const LINE_FEED = 0x0a
const QUOTE = 0x22
const COMMA = 0x2c

/** A shorter copy takes less time in a loop. */
const SHORT_BYTES = 32
/** The tags of a member may take kilobytes. */
const MAX_REPEATED = 256
const FIRST_CAPACITY = 65_536

/** The rows of a CSV file, as bytes. A cell consists of all that is added before its end. */
export type RowBytes = {
  /** Adds text that needs no quotes: see {@link plainTextEnd}. */
  copy(bytes: Buffer, start: number, end: number): void
  /** Adds any cell. */
  add(cell: Cell): void
  /** Adds a text that other rows have as well: copying it takes less time than writing it again. */
  addRepeated(text: string): void
  endCell(): void
  endRow(): void
  /** All rows since the last call. */
  take(): Uint8Array
}

/** Writes rows as RFC 4180 has them, like {@link createRowWriter}, but copies plain text without creating strings. */
export function createRowBytes(formulas: Formulas): RowBytes {
  const writeCell = createCellWriter(formulas)
  const writeRepeated = remember(MAX_REPEATED, (text) => Buffer.from(writeCell(text)))
  let capacity = FIRST_CAPACITY
  let bytes = Buffer.allocUnsafeSlow(0)
  let length = 0
  let rowStart = 0

  /** Two more bytes may follow, for the end of a cell and of a row. */
  const reserve = (more: number) => {
    if (length + more + 2 <= bytes.length) return
    if (length + more + 2 > capacity) capacity = 2 * (length + more + 2)
    const larger = Buffer.allocUnsafeSlow(capacity)
    bytes.copy(larger, 0, 0, length)
    bytes = larger
  }
  const push = (byte: number) => {
    reserve(1)
    bytes[length++] = byte
  }
  const copy = (from: Buffer, start: number, end: number) => {
    reserve(end - start)
    if (end - start > SHORT_BYTES) from.copy(bytes, length, start, end)
    else {
      // Reading a variable of the outer function for each byte would take twice the time.
      const target = bytes
      const shift = length - start
      for (let at = start; at < end; at += 1) target[at + shift] = from[at] ?? 0
    }
    length += end - start
  }
  return {
    copy,
    add: (cell) => {
      const text = writeCell(cell)
      // At most three bytes of UTF-8 for each of UTF-16's units.
      reserve(text.length * 3)
      length += bytes.write(text, length)
    },
    addRepeated: (text) => {
      const cell = writeRepeated(text)
      copy(cell, 0, cell.length)
    },
    endCell: () => push(COMMA),
    endRow: () => {
      // Without the comma after the last cell.
      length = Math.max(rowStart, length - 1)
      // Readers skip an empty line, so a single empty cell needs its quotes.
      if (length === rowStart) [QUOTE, QUOTE].forEach(push)
      push(CARRIAGE_RETURN)
      push(LINE_FEED)
      rowStart = length
    },
    take: () => {
      const rows = bytes.subarray(0, length)
      bytes = Buffer.allocUnsafeSlow(0)
      // The next rows are probably about as long.
      capacity = Math.max(FIRST_CAPACITY, length + (length >> 3))
      length = 0
      rowStart = 0
      return rows
    },
  }
}
