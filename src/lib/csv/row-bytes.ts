import { remember } from "../remember.ts"
import { beginsFormula } from "./formulas.ts"
import { type Cell, createCellWriter, type Formulas } from "./write-row.ts"

const CARRIAGE_RETURN = 0x0d
const LINE_FEED = 0x0a
const QUOTE = 0x22
const APOSTROPHE = 0x27
const COMMA = 0x2c

/** A shorter copy takes less time in a loop. */
const SHORT_BYTES = 32
/** The names of a member's interests may take kilobytes. */
const MAX_REPEATED = 256
/** An apostrophe, and the end of a cell and of a row. */
const SPARE = 4
const FIRST_CAPACITY = 65_536

/** The rows of a CSV file, as bytes. A cell consists of all that is added before its end. */
export type RowBytes = {
  /** Adds bytes that were written before, as they are, before the first row. */
  begin(bytes: Uint8Array): void
  /** Adds text that needs no quotes: see {@link plainTextEnd}. */
  copy(bytes: Buffer, start: number, end: number): void
  /** Begins a cell like {@link copy}, and defuses the text if it is a formula. */
  copyText(bytes: Buffer, start: number, end: number): void
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
  return new GrowingRows(formulas)
}

/** A class, because its methods take less time than closures over seven variables. */
class GrowingRows implements RowBytes {
  private readonly isDefused: boolean
  private readonly writeCell: (cell: Cell) => string
  private readonly writeRepeated: (text: string) => Buffer
  private capacity = FIRST_CAPACITY
  private bytes = Buffer.allocUnsafeSlow(0)
  private length = 0
  private rowStart = 0

  constructor(formulas: Formulas) {
    this.isDefused = formulas === "defused"
    const writeCell = createCellWriter(formulas)
    this.writeCell = writeCell
    this.writeRepeated = remember(MAX_REPEATED, (text) => Buffer.from(writeCell(text)))
  }

  begin(bytes: Uint8Array): void {
    const before = Buffer.from(bytes)
    this.copy(before, 0, before.length)
    this.rowStart = this.length
  }

  copy(from: Buffer, start: number, end: number): void {
    const size = end - start
    if (this.length + size + SPARE > this.bytes.length) this.grow(size)
    const bytes = this.bytes
    let length = this.length
    if (size > SHORT_BYTES) {
      from.copy(bytes, length, start, end)
      length += size
    } else for (let at = start; at < end; at += 1) bytes[length++] = from[at] ?? 0
    this.length = length
  }

  copyText(from: Buffer, start: number, end: number): void {
    if (this.isDefused && beginsFormula(from, start)) this.push(APOSTROPHE)
    this.copy(from, start, end)
  }

  add(cell: Cell): void {
    const text = this.writeCell(cell)
    // At most three bytes of UTF-8 for each of UTF-16's units.
    this.grow(text.length * 3)
    this.length += this.bytes.write(text, this.length)
  }

  addRepeated(text: string): void {
    const cell = this.writeRepeated(text)
    this.copy(cell, 0, cell.length)
  }

  endCell(): void {
    this.push(COMMA)
  }

  endRow(): void {
    // Without the comma after the last cell.
    this.length = Math.max(this.rowStart, this.length - 1)
    // Readers skip an empty line, so a single empty cell needs its quotes.
    if (this.length === this.rowStart) {
      this.push(QUOTE)
      this.push(QUOTE)
    }
    this.push(CARRIAGE_RETURN)
    this.push(LINE_FEED)
    this.rowStart = this.length
  }

  take(): Uint8Array {
    const rows = this.bytes.subarray(0, this.length)
    this.bytes = Buffer.allocUnsafeSlow(0)
    // The next rows are probably about as long.
    this.capacity = Math.max(FIRST_CAPACITY, this.length + (this.length >> 3))
    this.length = 0
    this.rowStart = 0
    return rows
  }

  private push(byte: number): void {
    if (this.length + SPARE > this.bytes.length) this.grow(0)
    this.bytes[this.length++] = byte
  }

  private grow(more: number): void {
    const needed = this.length + more + SPARE
    if (needed <= this.bytes.length) return
    if (needed > this.capacity) this.capacity = 2 * needed
    const larger = Buffer.allocUnsafeSlow(this.capacity)
    this.bytes.copy(larger, 0, 0, this.length)
    this.bytes = larger
  }
}
