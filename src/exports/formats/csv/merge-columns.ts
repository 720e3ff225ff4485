import { isRecord } from "../../../mailchimp/members/page-envelope.ts"
import { columnsChanged } from "./columns-changed.ts"
import type { Columns } from "./columns.ts"
import type { ListColumns } from "./list-columns.ts"
import { toMergeCell } from "./values.ts"

/** The index of the column of each tag. */
type Layout = Map<string, number>

/**
 * The merge fields of all lists, by tag and label: MMERGE3 may be the company in one list and the birthday in another, and
 * these must not share a column.
 */
export function createMergeColumns(
  lists: readonly ListColumns[],
  uniqueName: (label: string) => string,
  isExcluded: (field: string) => boolean,
): Columns {
  const names: string[] = []
  const indexes = new Map<string, number>()
  const layouts = new Map<string, Layout>()
  /** For a row without the id of an exported list. */
  const anyList: Layout = new Map()
  for (const { id, mergeFields } of lists) {
    const layout: Layout = new Map()
    layouts.set(id, layout)
    for (const { tag, name } of mergeFields) {
      if (isExcluded(`merge_fields.${tag}`)) continue
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
  const empty = names.map(() => "")

  return {
    names,
    memberFields: ["merge_fields"],
    addCells: ({ merge_fields: values, list_id: listId }, cells) => {
      const first = cells.length
      cells.push(...empty)
      if (!isRecord(values)) return
      const layout = (typeof listId === "string" && layouts.get(listId)) || anyList
      for (const tag in values) {
        const index = layout.get(tag)
        if (index === undefined) throw columnsChanged("merge field", tag, listId)
        cells[first + index] = toMergeCell(values[tag])
      }
    },
  }
}
