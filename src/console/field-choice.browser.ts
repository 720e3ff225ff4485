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
  const chosen = new Set<string>(first)
  const labels = new Map(common.map(({ field, label }) => [field, label]))
  const boxes = h("div", { className: "fields" })
  const problem = h("div", {})
  const draw = () =>
    boxes.replaceChildren(
      ...labels.entries().map(([field, label]) => {
        const { input, element } = choice(label, { checked: chosen.has(field) })
        input.addEventListener("change", () => {
          if (input.checked) chosen.add(field)
          else chosen.delete(field)
        })
        return element
      }),
    )
  const load = async () => {
    draw()
    problem.replaceChildren()
    try {
      for (const id of selectedLists()) {
        const { merge_fields, interests } = await readList(id, service)
        for (const { tag, name } of merge_fields) labels.set(`merge_fields.${tag}`, name)
        for (const { id, name, category } of interests) labels.set(`interests.${id}`, `${category}: ${name}`)
      }
    } catch (failure) {
      const error = toShown(failure)
      if (error !== undefined) problem.replaceChildren(problemBox(error))
    }
    draw()
  }
  const check = (isChecked: boolean) => {
    for (const field of labels.keys())
      if (isChecked) chosen.add(field)
      else chosen.delete(field)
    draw()
  }
  const all = choice(
    "All",
    { type: "radio", name: "fields", checked: true },
    "(this page shows five of them)",
  )
  const some = choice("Only these", { type: "radio", name: "fields" })
  const tools = h("div", { className: "tools" }, ...checkButtons("fields", check))
  const detail = h("div", { hidden: true }, tools, boxes, problem)
  all.input.addEventListener("change", () => void (detail.hidden = true))
  some.input.addEventListener("change", () => {
    detail.hidden = false
    void load()
  })
  return {
    element: h(
      "fieldset",
      {},
      h("legend", {}, "Fields"),
      h("div", { className: "choices" }, all.element, some.element),
      detail,
    ),
    isEmpty: () => some.input.checked && chosen.size === 0,
    /** Empty: all fields. */
    columns: (): Column[] =>
      some.input.checked ? [...chosen].map((field) => ({ field, label: labels.get(field) ?? field })) : [],
  }
}
