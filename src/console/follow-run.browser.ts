import { type Change, followMembers } from "../client/follow-members.ts"
import type { Member } from "../client/member.ts"
import { addedFields, createChangeCounts, deletedWord, wordOf } from "./change-words.ts"
import { announce, button, focusableHeading, h, replaceButtons } from "./dom.browser.ts"
import { createMemberTable } from "./member-table.browser.ts"
import { problemBox, toShown } from "./problem.browser.ts"
import type { Run, RunOptions } from "./run.browser.ts"
import { count, duration } from "./words.ts"

/** By these a table finds the row of a member, and sees whether they are new. */
const keys = ["id", "list_id", ...addedFields]
const drawMs = 1000
/** As many of the members who changed at once are shown. */
const maxLit = 20
const aboutWords =
  "Lists are read again about once a minute, or within seconds of a change if they have a webhook. Changed members light up, and deleted ones are crossed out."

/** Shows what changes, as it changes: after all members were read once. */
export function createFollowRun({ service, selection, about, columns, listNames }: RunOptions): Run {
  const abort = new AbortController()
  const heading = focusableHeading("h3", "Reading all members…")
  const numbers = h("p", { className: "numbers" })
  const words = h("div", {}, h("p", { className: "quiet" }, about), numbers)
  const note = h("p", { className: "quiet" })
  const result = h("div", {})
  const table = createMemberTable(columns, listNames, true)
  const actions = h("div", { className: "actions" }, button("Stop", { onclick: () => abort.abort() }))
  const fields = selection.fields && [...new Set([...selection.fields, ...keys])]
  const changes = createChangeCounts()
  let isReplaced = false
  let read = 0
  /** Up to when everything was shown, when that was said, and when that was first said. */
  let latest: { readonly asOf: string; readonly atMs: number; readonly sinceMs: number } | undefined

  const draw = () => {
    const ofMembers = count(read, "member")
    if (latest === undefined) return void (numbers.textContent = ofMembers)
    const until = `up to date as of ${new Date(latest.asOf).toLocaleTimeString()}`
    const age = abort.signal.aborted ? [] : [`looked ${duration((Date.now() - latest.atMs) / 1000)} ago`]
    numbers.textContent = [`${ofMembers} read`, changes.words(), until, ...age].join(" · ")
  }
  const take = ({ members, deleted }: Pick<Change<Partial<Member>>, "members" | "deleted">) => {
    if (latest === undefined) {
      read += members.length
      table.append(members.slice(0, table.room()))
    } else
      for (const [index, member] of members.entries()) {
        const word = wordOf(member, latest.sinceMs, table.has(member))
        changes.add(word)
        if (index >= members.length - maxLit) table.light(member, word)
      }
    if (deleted === undefined) return
    changes.add(deletedWord(deleted))
    table.crossOut(deleted.list_id, deleted.id, deletedWord(deleted))
  }
  const onProgress = () => void (note.textContent = "The transfer broke. Resuming by itself…")
  const run = async () => {
    const steps = followMembers({ ...service, ...selection, fields, signal: abort.signal, onProgress })
    for await (const { members, deleted, asOf } of steps) {
      take({ members, deleted })
      if (asOf !== undefined) {
        if (latest === undefined) {
          announce("Following live")
          table.tellRest(read)
        }
        heading.textContent = "Following live"
        latest = { asOf, atMs: Date.now(), sinceMs: latest?.sinceMs ?? Date.parse(asOf) }
      }
      note.textContent = latest ? aboutWords : ""
      draw()
    }
  }
  const drawing = setInterval(draw, drawMs)
  run()
    .catch((failure: unknown) => {
      const error = toShown(failure, abort.signal)
      if (error !== undefined) result.replaceChildren(problemBox(error))
    })
    .finally(() => {
      clearInterval(drawing)
      abort.abort()
      draw()
      table.calm()
      heading.textContent = "Stopped following"
      note.textContent = ""
      if (!isReplaced) announce("Stopped following")
      replaceButtons(actions, [], heading)
    })
  return {
    element: h("div", { className: "run" }, heading, words, note, result, actions, table.element),
    stop: () => {
      isReplaced = true
      abort.abort()
    },
    hasEnded: () => abort.signal.aborted,
  }
}
