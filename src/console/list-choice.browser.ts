import type { List } from "../client/types.ts"
import { checkButtons, choice, h } from "./dom.browser.ts"
import { sizeWords } from "./words.ts"

/** More lists than these can be searched by name. */
const fewLists = 8

/** The choice of lists, all of them at first. */
export function createListChoice(lists: readonly List[], onChange: () => void) {
  const boxes = lists.map((list) => {
    const about = `${sizeWords(list)}${list.webhook ? ", changes within seconds" : ""}`
    return { list, ...choice(list.name, { checked: true }, about) }
  })
  const check = (checked: boolean) => {
    for (const { input, element } of boxes) if (!element.hidden) input.checked = checked
    onChange()
  }
  for (const { input } of boxes) input.addEventListener("change", onChange)
  const search = h("input", { type: "search", ariaLabel: "Search lists", placeholder: "Search lists" })
  search.addEventListener("input", () => {
    const wanted = search.value.toLowerCase()
    for (const { list, element } of boxes) element.hidden = !list.name.toLowerCase().includes(wanted)
  })
  const isMany = lists.length > fewLists
  const tools = h("div", { className: "tools" }, isMany ? search : "", ...checkButtons("lists", check))
  return {
    element: h(
      "fieldset",
      {},
      h("legend", {}, "Lists"),
      lists.length > 1 ? tools : "",
      h("div", { className: isMany ? "lists many" : "lists" }, ...boxes.map(({ element }) => element)),
    ),
    /** The ids of the checked lists. */
    selected: () => boxes.filter(({ input }) => input.checked).map(({ list }) => list.id),
  }
}
