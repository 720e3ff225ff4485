import type { Cell } from "../../src/lib/csv/write-row.ts"
import type { Columns, Member } from "../../src/exports/formats/csv/columns.ts"
import type { ListColumns } from "../../src/exports/formats/csv/list-columns.ts"
import type { EncoderInput } from "../../src/exports/formats/format.ts"

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

/** The cells of a member, one for each column. */
export function cellsOf(columns: Columns, member: Member): Cell[] {
  const cells: Cell[] = []
  columns.addCells(member, cells)
  if (cells.length !== columns.names.length)
    throw new Error("A row has another number of cells than the header")
  return cells
}

/** The cells of a member by the names of their columns. */
export function cellsByName(columns: Columns, member: Member): Record<string, Cell> {
  const cells = cellsOf(columns, member)
  return Object.fromEntries(columns.names.map((name, index) => [name, cells[index]]))
}
