import { toColumns, type Columns } from "./columns.ts"
import { ownValue, toCell, toMergeCell } from "./values.ts"

/** One column for each of a member's fields, by Mailchimp's dotted names, in the given order. */
export function createFieldColumns(fields: readonly string[]): Columns {
  return toColumns(
    fields.map((field) => {
      const keys = field.split(".")
      const write = keys[0] === "merge_fields" && keys.length > 1 ? toMergeCell : toCell
      return { name: field, field, cell: (member) => write(valueAt(member, keys)) }
    }),
  )
}

/** The value of a path of keys. For a path into an array, such as `tags.name`, an array of the values of its items. */
function valueAt(value: unknown, keys: readonly string[]): unknown {
  const [key, ...deeper] = keys
  if (key === undefined) return value
  return Array.isArray(value)
    ? value.map((item) => valueAt(item, keys))
    : valueAt(ownValue(value, key), deeper)
}
