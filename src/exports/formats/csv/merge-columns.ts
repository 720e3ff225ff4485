import { columnsChanged } from "./columns-changed.ts"
import { createAddressWriter } from "./address.ts"
import { type Columns, writeField } from "./columns.ts"
import { type Field, type Fields, fieldAt, fieldsOf } from "./fields.ts"
import type { ListColumns } from "./list-columns.ts"
import { createTextReader, toMergeCell } from "./values.ts"

/** The index of the column of each tag. */
type Layout = Map<string, number>

/**
 * The merge fields of all lists, by tag and label: MMERGE3 may be the company in one list and the birthday in another, and
 * these must not share a column.
 */
export function createMergeColumns(
  member: Fields,
  lists: readonly ListColumns[],
  uniqueName: (label: string) => string,
  isExcluded: (field: string) => boolean,
): Columns {
  const values = fieldsOf(fieldAt(member, ["merge_fields"]))
  const addresses = new Map<Field, ReturnType<typeof createAddressWriter>>()
  const addAddress = (tag: string) => {
    const field = values.get(tag)
    addresses.set(field, addresses.get(field) ?? createAddressWriter(field))
  }
  const names: string[] = []
  const indexes = new Map<string, number>()
  const layouts = new Map<string, Layout>()
  /** For a row without the id of an exported list. */
  const anyList: Layout = new Map()
  for (const { id, mergeFields } of lists) {
    const layout: Layout = new Map()
    layouts.set(id, layout)
    for (const { tag, name, type } of mergeFields) {
      if (isExcluded(`merge_fields.${tag}`)) continue
      if (type === "address") addAddress(tag)
      const key = JSON.stringify([tag, name])
      let index = indexes.get(key)
      if (index === undefined) {
        index = names.push(uniqueName(name.trim() === "" ? tag : name)) - 1
        indexes.set(key, index)
      }
      layout.set(tag, index)
      if (!anyList.has(tag)) anyList.set(tag, index)
    }
  }
  const readListId = createTextReader(fieldAt(member, ["list_id"]), (listId) => {
    const layout = layouts.get(listId) ?? anyList
    const fields = names.map((): Field | undefined => undefined)
    for (const [tag, index] of layout) fields[index] = values.get(tag)
    return { listId, layout, fields }
  })

  return {
    names,
    memberFields: ["merge_fields"],
    writeCells: (json, row) => {
      const { listId, layout, fields } = readListId(json)
      let written = 0
      for (const field of fields) {
        if (field !== undefined && field.kind !== "absent") {
          written += 1
          const writeAddress = field.kind === "other" ? addresses.get(field) : undefined
          if (!writeAddress?.(json, row)) writeField(json, field, toMergeCell, row)
        }
        row.endCell()
      }
      if (written === values.present.length) return
      const unknown = values.present.find(({ name }) => !layout.has(name))
      throw columnsChanged("merge field", String(unknown?.name), listId)
    },
  }
}
