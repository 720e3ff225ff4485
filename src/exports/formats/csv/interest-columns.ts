import { isRecord } from "../../../mailchimp/members/page-envelope.ts"
import { columnsChanged } from "./columns-changed.ts"
import type { Columns } from "./columns.ts"
import type { ListColumns } from "./list-columns.ts"

/**
 * One column for each title of an interest category. Its cells are the names of the interests that a member has chosen, with
 * commas in names escaped by a backslash, as Mailchimp exports them: `Cats, Dogs\, large`.
 */
export function createInterestColumns(
  lists: readonly ListColumns[],
  uniqueName: (title: string) => string,
): Columns {
  const titles = new Map<string, number>()
  const interests = new Map<string, { readonly index: number; readonly name: string }>()
  for (const category of lists.flatMap(({ interestCategories }) => interestCategories)) {
    const title = category.title.trim() === "" ? category.id : category.title
    const index = titles.get(title) ?? titles.size
    titles.set(title, index)
    for (const { id, name } of category.interests) {
      interests.set(id, { index, name: (name === "" ? id : name).replaceAll(",", "\\,") })
    }
  }
  const empty = Array.from(titles, () => "")

  return {
    names: Array.from(titles.keys(), uniqueName),
    memberFields: ["interests"],
    addCells: ({ interests: chosen, list_id: listId }, cells) => {
      const first = cells.length
      cells.push(...empty)
      if (!isRecord(chosen)) return
      for (const id in chosen) {
        if (chosen[id] !== true) continue
        const interest = interests.get(id)
        if (interest === undefined) throw columnsChanged("interest", id, listId)
        const before = cells[first + interest.index]
        cells[first + interest.index] = before === "" ? interest.name : `${String(before)}, ${interest.name}`
      }
    },
  }
}
