import { followMembers } from "../client/follow-members.ts"
import { announce, button, focusableHeading, h, replaceButtons } from "./dom.browser.ts"
import { createMemberTable } from "./member-table.browser.ts"
import { problemBox, toShown } from "./problem.browser.ts"
import type { Run, RunOptions } from "./run.browser.ts"
import { count } from "./words.ts"

/** By these a table finds the row of a member. */
const keys = ["id", "list_id"]

/** Shows what changes, as it changes: after all members were read once. */
export function createFollowRun({ service, selection, columns, listNames }: RunOptions): Run {
  const abort = new AbortController()
  const heading = focusableHeading("h3", "Reading all members…")
  const numbers = h("p", { className: "numbers" })
  const note = h("p", { className: "quiet" })
  const result = h("div", {})
  const table = createMemberTable(columns, listNames)
  const actions = h("div", { className: "actions" }, button("Stop", { onclick: () => abort.abort() }))
  const fields = selection.fields && [...new Set([...selection.fields, ...keys])]
  let isCaughtUp = false
  let rows = 0

  const onProgress = () => void (note.textContent = "The transfer broke. Resuming by itself…")
  const run = async () => {
    const changes = followMembers({ ...service, ...selection, fields, signal: abort.signal, onProgress })
    for await (const { members, deleted, asOf } of changes) {
      rows += members.length + (deleted ? 1 : 0)
      if (!isCaughtUp) table.append(members.slice(0, table.room()))
      else for (const member of members.slice(-20)) table.light(member)
      if (deleted) table.fade(deleted.list_id, deleted.id)
      if (asOf !== undefined && !isCaughtUp) {
        isCaughtUp = true
        heading.textContent = "Following live"
        announce("Following live")
        table.tellRest(rows)
        rows = 0
      }
      note.textContent = isCaughtUp ? "Changed members light up, and deleted ones fade." : ""
      const until = asOf === undefined ? "" : ` · up to date as of ${new Date(asOf).toLocaleTimeString()}`
      numbers.textContent = `${count(rows, isCaughtUp ? "change" : "member")}${until}`
    }
  }
  run()
    .catch((failure: unknown) => {
      const error = toShown(failure, abort.signal)
      if (error !== undefined) result.replaceChildren(problemBox(error))
    })
    .finally(() => {
      heading.textContent = "Stopped following"
      note.textContent = ""
      announce("Stopped following")
      replaceButtons(actions, [], heading)
    })
  return {
    element: h("div", { className: "run" }, heading, numbers, note, result, actions, table.element),
    stop: () => abort.abort(),
  }
}
