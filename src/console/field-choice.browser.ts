import { list as readList } from "../client/account.ts"
import type { Service } from "../client/request.ts"
import { checkButtons, choice, h } from "./dom.browser.ts"
import type { Column } from "./member-table.browser.ts"
import { problemBox, toShown } from "./problem.browser.ts"

/** What every member has and most people want. */
const common: readonly Column[] = [
  { field: "email_address", label: "Email address" },
  { field: "full_name", label: "Full name" },
  { field: "status", label: "Status" },
  { field: "list_id", label: "List" },
  { field: "last_changed", label: "Last changed" },
  { field: "timestamp_opt", label: "Confirmed" },
  { field: "member_rating", label: "Rating" },
  { field: "language", label: "Language" },
  { field: "vip", label: "VIP" },
  { field: "tags", label: "Tags" },
  { field: "source", label: "Source" },
  { field: "location.country_code", label: "Country" },
]
const first = ["email_address", "status", "list_id"]

/** The choice of fields by their labels. The lists' own fields are requested when somebody chooses. */
export function createFieldChoice(service: Service, selectedLists: () => readonly string[]) {
  /** By the id of the list. */
  const ownFields = new Map<string, readonly Column[]>()
  const shown = new Map<string, ReturnType<typeof choice> & { readonly column: Column }>()
  const boxes = h("div", { className: "fields" })
  const note = h("div", {})
  /** Shows the fields that the selected lists have. Boxes that stay keep their state and the focus. */
  const draw = () => {
    const columns = [...common, ...selectedLists().flatMap((id) => ownFields.get(id) ?? [])]
    const fields = new Set(columns.map(({ field }) => field))
    for (const [field, { element }] of shown) {
      if (fields.has(field)) continue
      shown.delete(field)
      element.remove()
    }
    for (const column of columns) {
      if (shown.has(column.field)) continue
      const box = choice(column.label, { checked: first.includes(column.field) })
      shown.set(column.field, { ...box, column })
      boxes.append(box.element)
    }
  }
  const nextList = () => selectedLists().find((id) => !ownFields.has(id))
  let isLoading = false
  const load = async () => {
    draw()
    if (isLoading || nextList() === undefined) return
    isLoading = true
    note.replaceChildren(h("p", { className: "quiet" }, "Reading your own fields…"))
    try {
      // The selection may change meanwhile.
      for (let id = nextList(); id !== undefined; id = nextList())
        ownFields.set(id, await readOwnFields(id, service))
      note.replaceChildren()
    } catch (failure) {
      const error = toShown(failure)
      note.replaceChildren(...(error === undefined ? [] : [problemBox(error)]))
    }
    isLoading = false
    draw()
  }
  const all = choice(
    "All",
    { type: "radio", name: "fields", checked: true },
    "(this page shows five of them)",
  )
  const some = choice("Only these", { type: "radio", name: "fields" })
  const check = (isChecked: boolean) => {
    for (const { input } of shown.values()) input.checked = isChecked
  }
  const tools = h("div", { className: "tools" }, ...checkButtons("fields", check))
  const detail = h("div", { hidden: true }, tools, boxes, note)
  const refresh = async () => {
    detail.hidden = all.input.checked
    if (some.input.checked) await load()
  }
  for (const { input } of [all, some]) input.addEventListener("change", () => void refresh())
  const checked = () => [...shown.values()].filter(({ input }) => input.checked)
  return {
    element: h(
      "fieldset",
      {},
      h("legend", {}, "Fields"),
      h("div", { className: "choices" }, all.element, some.element),
      detail,
    ),
    /** Other lists may have other fields. */
    refresh,
    isEmpty: () => some.input.checked && checked().length === 0,
    /** Empty: all fields. */
    columns: (): Column[] => (some.input.checked ? checked().map(({ column }) => column) : []),
  }
}

async function readOwnFields(id: string, service: Service): Promise<Column[]> {
  const { merge_fields, interests } = await readList(id, service)
  return [
    ...merge_fields.map(({ tag, name }) => ({ field: `merge_fields.${tag}`, label: name })),
    ...interests.map(({ id, name, category }) => ({
      field: `interests.${id}`,
      label: `${category}: ${name}`,
    })),
  ]
}
