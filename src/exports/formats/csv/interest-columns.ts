import { columnsChanged } from "./columns-changed.ts"
import type { Columns } from "./columns.ts"
import { type Fields, fieldAt, fieldsOf } from "./fields.ts"
import type { ListColumns } from "./list-columns.ts"
import { createTextReader } from "./values.ts"

/** How `true` begins. */
const TRUE = "true".charCodeAt(0)

/**
 * One column for each title of an interest category. Its cells are the names of the interests that a member has chosen, with
 * commas in names escaped by a backslash, as Mailchimp exports them: `Cats, Dogs\, large`.
 */
export function createInterestColumns(
  member: Fields,
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
  const values = fieldsOf(fieldAt(member, ["interests"]))
  const readListId = createTextReader(fieldAt(member, ["list_id"]), (id) => id)
  const cells = Array.from(titles, () => "")

  return {
    names: Array.from(titles.keys(), uniqueName),
    memberFields: ["interests"],
    writeCells: (json, row) => {
      cells.fill("")
      for (const { name: id, kind, start } of values.present) {
        if (kind !== "literal" || json[start] !== TRUE) continue
        const interest = interests.get(id)
        if (interest === undefined) throw columnsChanged("interest", id, readListId(json))
        const before = cells[interest.index] ?? ""
        cells[interest.index] = before === "" ? interest.name : `${before}, ${interest.name}`
      }
      for (const cell of cells) {
        if (cell !== "") row.addRepeated(cell)
        row.endCell()
      }
    },
  }
}
