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
  /** Each box that there ever was, by its field and its label: what was checked is so again when its list is. */
  const boxes = new Map<string, ReturnType<typeof choice> & { readonly column: Column }>()
  let isLoading = false
  /** All fields were checked while some were still read, so these are as well. */
  let isRestChecked = false
  const fields = h("div", { className: "fields" })
  const note = h("div", {})
  const boxOf = (column: Column) => {
    const key = `${column.field} ${column.label}`
    const box = boxes.get(key) ?? {
      ...choice(column.label, { checked: isRestChecked || first.includes(column.field) }),
      column,
    }
    boxes.set(key, box)
    return box
  }
  /** The boxes of the fields that the selected lists have. If lists have other labels for a field, the last counts. */
  const selectedBoxes = () => {
    const columns = [...common, ...selectedLists().flatMap((id) => ownFields.get(id) ?? [])]
    return [...new Map(columns.map((column) => [column.field, column])).values()].map(boxOf)
  }
  /** A box that stays keeps the focus. */
  const draw = () => {
    const selected = new Set(selectedBoxes().map(({ element }) => element))
    for (const { element } of boxes.values()) if (!selected.has(element)) element.remove()
    fields.append(...[...selected].filter((element) => !element.isConnected))
  }
  const load = async () => {
    draw()
    if (isLoading) return
    isLoading = true
    note.replaceChildren()
    const failed = new Set<string>()
    const problems: Node[] = []
    // The selection may change meanwhile.
    const nextList = () => selectedLists().find((id) => !ownFields.has(id) && !failed.has(id))
    for (let id = nextList(); id !== undefined; id = nextList()) {
      note.replaceChildren(h("p", { className: "quiet" }, "Reading your own fields…"))
      try {
        ownFields.set(id, await readOwnFields(id, service))
      } catch (failure) {
        failed.add(id)
        const error = toShown(failure)
        if (error !== undefined) problems.push(problemBox(error))
      }
      draw()
    }
    note.replaceChildren(...problems.slice(0, 1))
    isLoading = isRestChecked = false
  }
  const all = choice(
    "All",
    { type: "radio", name: "fields", checked: true },
    "(this page shows five of them)",
  )
  const some = choice("Only these", { type: "radio", name: "fields" })
  const check = (isChecked: boolean) => {
    for (const { input } of selectedBoxes()) input.checked = isChecked
    isRestChecked = isChecked && isLoading
  }
  const tools = h("div", { className: "tools" }, ...checkButtons("fields", check))
  const detail = h("div", { hidden: true }, tools, fields, note)
  const refresh = async () => {
    detail.hidden = all.input.checked
    if (some.input.checked) await load()
  }
  for (const { input } of [all, some]) input.addEventListener("change", () => void refresh())
  const checked = () => selectedBoxes().filter(({ input }) => input.checked)
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
