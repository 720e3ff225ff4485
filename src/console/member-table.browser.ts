import type { Member } from "../client/member.ts"
import type { ChangeWord } from "./change-words.ts"
import { h } from "./dom.browser.ts"
import { statusName } from "./words.ts"

export type Column = { readonly field: string; readonly label: string }

const maxRows = 200
/** More than are in sight. Each row takes about 20 KB of memory, so the others are made when a person scrolls. */
const firstRows = 20
/** A style that cuts a thousand cells off would take a megabyte. */
const maxLength = 40
/** Rows repeat the name of a list, and what follows it should be seen. */
const maxListLength = 18
const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/

/** What the table shows of a member if all fields are exported. */
const usual: readonly Column[] = [
  { field: "email_address", label: "Email address" },
  { field: "full_name", label: "Full name" },
  { field: "status", label: "Status" },
  { field: "list_id", label: "List" },
  { field: "last_changed", label: "Last changed" },
]

/** A table of the first 200 members; while following, with a column that says what changed. */
export function createMemberTable(
  chosen: readonly Column[],
  listNames: ReadonlyMap<string, string>,
  isFollowing = false,
) {
  const columns = chosen.length > 0 ? chosen : usual
  const body = h("tbody")
  const more = h("p", { className: "quiet", hidden: true })
  const rowOf = (member: Partial<Member>, word = "") => {
    const row = h("tr", { id: keyOf(member) })
    if (isFollowing) row.insertCell().textContent = word
    for (const { field } of columns) {
      const most = field === "list_id" ? maxListLength : maxLength
      fill(row.insertCell(), textOf(member, field, listNames), most)
    }
    return row
  }
  let total = 0
  /** Members whose rows are not made yet. */
  const waiting: Partial<Member>[] = []
  const show = (members: readonly Partial<Member>[]) => body.append(...members.map((member) => rowOf(member)))
  const showWaiting = () => {
    show(waiting.splice(0))
    tellRest()
  }
  const trim = () => {
    while (body.rows.length > maxRows) body.rows[body.rows.length - 1]?.remove()
  }
  const tellRest = () => {
    const rest = total - body.rows.length
    more.hidden = rest <= 0
    const some = total > maxRows ? `the first ${maxRows}` : "the rest"
    const hint = waiting.length > 0 ? `: scroll the table to see ${some}` : ""
    more.textContent = isFollowing
      ? "The first 200 are shown, and those who change."
      : `and ${rest.toLocaleString("en")} more${hint}`
  }
  const labels = [...(isFollowing ? ["Change"] : []), ...columns.map(({ label }) => label)]
  const head = h("tr", {}, ...labels.map((label) => h("th", { scope: "col" }, label)))
  const wide = h(
    "div",
    { className: "wide", tabIndex: 0, role: "group", ariaLabel: "Members", hidden: true },
    h("table", {}, h("thead", {}, head), body),
  )
  // By keyboard, it gets the focus before it scrolls.
  wide.addEventListener("scroll", showWaiting)
  wide.addEventListener("focus", showWaiting)
  return {
    element: h("div", {}, wide, more),
    room: () => maxRows - body.rows.length - waiting.length,
    append: (members: readonly Partial<Member>[]) => {
      if (members.length > 0) wide.hidden = false
      // While following, a change must find the row of its member.
      const now = isFollowing ? members.length : Math.max(0, firstRows - body.rows.length)
      show(members.slice(0, now))
      waiting.push(...members.slice(now))
    },
    has: (member: Partial<Member>) => document.getElementById(keyOf(member)) !== null,
    /** Shows a changed member on top, lit up. */
    light: (member: Partial<Member>, word: ChangeWord) => {
      wide.hidden = false
      document.getElementById(keyOf(member))?.remove()
      const row = rowOf(member, word)
      row.className = "changed"
      body.prepend(row)
      trim()
    },
    /** Shows a deleted member on top, crossed out, or a whole list. */
    crossOut: (listId: string, id: string | undefined, word: ChangeWord) => {
      const gone = [...body.rows].filter((row) => row.id.startsWith(`${listId} ${id ?? ""}`))
      for (const row of gone) {
        row.className = "deleted"
        row.cells[0]?.replaceChildren(word)
      }
      body.prepend(...gone)
    },
    /** Nothing is new anymore. */
    calm: () => {
      for (const row of body.querySelectorAll(".changed")) row.className = ""
    },
    /** Says how many rows there are beyond those of the table. */
    tellRest: (rows: number) => {
      total = rows
      tellRest()
    },
  }
}

function keyOf({ list_id = "", id = "" }: Partial<Member>): string {
  return `${list_id} ${id}`
}

/** What is too long is cut off, and shown as a whole when the mouse is over it. */
function fill(cell: HTMLElement, text: string, most: number): void {
  const isLong = text.length > most
  cell.textContent = isLong ? `${text.slice(0, most - 1).trimEnd()}…` : text
  if (isLong) cell.title = text
}

function textOf(member: Partial<Member>, field: string, listNames: ReadonlyMap<string, string>): string {
  let value: unknown = member
  for (const name of field.split("."))
    value = typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined
  if (field === "list_id") return listNames.get(String(value)) ?? String(value ?? "")
  if (field === "status") return statusName(String(value ?? ""))
  if (typeof value === "string" && isTime.test(value)) return value.replace("T", " ").slice(0, 16)
  if (typeof value !== "object" || value === null) return String(value ?? "")
  return Object.values(value)
    .map((part) => (typeof part === "object" && part !== null && "name" in part ? part.name : part))
    .filter((part) => part !== "")
    .join(", ")
}
