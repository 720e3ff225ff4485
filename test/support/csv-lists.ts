import type { Cell } from "../../src/lib/csv/write-row.ts"
import type { FileColumns } from "../../src/exports/formats/csv/columns.ts"
import { readRow } from "../../src/exports/formats/csv/read-row.ts"
import type { ListColumns } from "../../src/exports/formats/csv/list-columns.ts"
import type { EncoderInput } from "../../src/exports/formats/format.ts"

const QUOTE = 0x22

export const usualMergeFields = [
  { tag: "FNAME", name: "First Name", type: "text" },
  { tag: "LNAME", name: "Last Name", type: "text" },
  { tag: "ADDRESS", name: "Address", type: "address" },
  { tag: "PHONE", name: "Phone Number", type: "phone" },
  { tag: "BIRTHDAY", name: "Birthday", type: "birthday" },
  { tag: "POINTS", name: "Points", type: "number" },
]

/** What encoders need besides rows, of lists without merge fields and interests. */
export const plainInput: EncoderInput = {
  selection: {},
  options: {},
  lists: [],
  readers: { readMergeFields: async () => [], readInterestCategories: async () => [] },
  signal: new AbortController().signal,
}

/** What the columns of a list depend on. */
export function listOf(changes: Partial<ListColumns> = {}): ListColumns {
  return {
    id: "a1b2c3d4e5",
    name: "Newsletter",
    mergeFields: usualMergeFields,
    interestCategories: [],
    ...changes,
  }
}

/** The cells of a member, one for each column, before they become text. */
export function cellsOf(columns: FileColumns, member: object): Cell[] {
  const text = JSON.stringify(member)
  const json = readRow(Buffer.from(text), 0, Buffer.byteLength(text), columns.member)
  const cells: Cell[] = []
  let cell: Cell
  const copy = (bytes: Buffer, start: number, end: number) => {
    const copied = bytes.toString("utf8", start, end)
    const isText = cell !== undefined || bytes[start - 1] === QUOTE
    cell = isText ? `${cell ?? ""}${copied}` : JSON.parse(copied)
  }
  columns.writeCells(json, {
    begin: () => {},
    copy,
    copyText: copy,
    add: (added) => (cell = added),
    addRepeated: (added) => (cell = added),
    endCell: () => {
      cells.push(cell ?? "")
      cell = undefined
    },
    endRow: () => {},
    take: () => new Uint8Array(),
  })
  if (cells.length !== columns.names.length)
    throw new Error("A row has another number of cells than the header")
  return cells
}

/** The cells of a member by the names of their columns. */
export function cellsByName(columns: FileColumns, member: object): Record<string, Cell> {
  const cells = cellsOf(columns, member)
  return Object.fromEntries(columns.names.map((name, index) => [name, cells[index]]))
}
