import type { RowBytes } from "../../../lib/csv/row-bytes.ts"
import type { Cell } from "../../../lib/csv/write-row.ts"
import { type Field, type Fields, fieldAt, valueOf } from "./fields.ts"

/** Neighboring columns of a CSV file. Their number and order are the same for every member. */
export type Columns = {
  readonly names: readonly string[]
  /** The fields of a member that the cells are made of, as Mailchimp's `fields` names them, without `members.`. */
  readonly memberFields: readonly string[]
  /** Writes the cells of the row that was read last, one for each name. The positions in its fields refer to `json`. */
  writeCells(json: Buffer, row: RowBytes): void
}

/** The columns of a whole file, and the fields that they read. */
export type FileColumns = Columns & { readonly member: Fields }

/** One column whose cells depend on nothing but the member. */
export type Column = {
  readonly name: string
  readonly field: string
  readonly writeCell: (json: Buffer, row: RowBytes) => void
}

export function toColumns(columns: readonly Column[]): Columns {
  return {
    names: columns.map(({ name }) => name),
    memberFields: [...new Set(columns.map(({ field }) => field))],
    writeCells: (json, row) => {
      for (const { writeCell } of columns) {
        writeCell(json, row)
        row.endCell()
      }
    },
  }
}

/** A column of one field. */
export function fieldColumn(
  member: Fields,
  name: string,
  field: string,
  toCell: (value: unknown) => Cell,
): Column {
  const read = fieldAt(member, field.split("."))
  return { name, field, writeCell: (json, row) => writeField(json, read, toCell, row) }
}

/** @param toCell converts a value that is neither plain text, a number nor a boolean: these are cells as they are */
export function writeField(
  json: Buffer,
  field: Field,
  toCell: (value: unknown) => Cell,
  row: RowBytes,
): void {
  if (field.kind === "text") row.copyText(json, field.start + 1, field.end - 1)
  else if (field.kind === "literal") row.copy(json, field.start, field.end)
  else if (field.kind === "other") row.add(toCell(valueOf(json, field)))
}

export function joinColumns(groups: readonly Columns[]): Columns {
  return {
    names: groups.flatMap(({ names }) => names),
    memberFields: groups.flatMap(({ memberFields }) => memberFields),
    writeCells: (json, row) => {
      for (const group of groups) group.writeCells(json, row)
    },
  }
}
