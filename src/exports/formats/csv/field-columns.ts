import type { Cell } from "../../../lib/csv/write-row.ts"
import { type Column, type FileColumns, toColumns, writeField } from "./columns.ts"
import { createFields, type Field, type Fields, fieldAt, valueOf } from "./fields.ts"
import { ownValue, toCell, toMergeCell } from "./values.ts"

/** One column for each of a member's fields, by Mailchimp's dotted names, in the given order. */
export function createFieldColumns(fields: readonly string[]): FileColumns {
  const member = createFields()
  return { member, ...toColumns(fields.map((field) => createFieldColumn(member, field))) }
}

function createFieldColumn(member: Fields, name: string): Column {
  const keys = name.split(".")
  const field = fieldAt(member, keys)
  const parents = keys.slice(1).map((_, index) => fieldAt(member, keys.slice(0, index + 1)))
  const toFieldCell = keys[0] === "merge_fields" && keys.length > 1 ? toMergeCell : toCell
  return {
    name,
    field: name,
    writeCell: (json, row) => {
      if (field.kind === "absent") row.add(cellOfArray(json, parents, keys))
      else writeField(json, field, toFieldCell, row)
    },
  }
}

/** For a path into an array, such as `tags.name`, an array of the values of its items. Otherwise nothing. */
function cellOfArray(json: Buffer, parents: readonly Field[], keys: readonly string[]): Cell {
  const depth = parents.findIndex(({ kind }) => kind === "other")
  const parent = parents[depth]
  const value = parent && valueOf(json, parent)
  return Array.isArray(value) ? toCell(valueAt(value, keys.slice(depth + 1))) : undefined
}

function valueAt(value: unknown, keys: readonly string[]): unknown {
  const [key, ...deeper] = keys
  if (key === undefined) return value
  return Array.isArray(value)
    ? value.map((item) => valueAt(item, keys))
    : valueAt(ownValue(value, key), deeper)
}
