import { startJob } from "../client/jobs.ts"
import type { Service } from "../client/request.ts"
import type { Job, List } from "../client/types.ts"
import { announce, button, choice, h, whileBusy } from "./dom.browser.ts"
import { createExportRun } from "./export-run.browser.ts"
import { createFieldChoice } from "./field-choice.browser.ts"
import { createFollowRun } from "./follow-run.browser.ts"
import { createListChoice } from "./list-choice.browser.ts"
import { estimateOf } from "./list-size.ts"
import { problemBox, toShown } from "./problem.browser.ts"
import type { Run, RunOptions } from "./run.browser.ts"
import { notSaved, openSink } from "./save.browser.ts"
import { createStatusChoice } from "./status-choice.browser.ts"
import { selectionWords } from "./words.ts"

type Format = "ndjson" | "csv"

type Options = {
  readonly service: Service
  readonly lists: readonly List[]
  readonly onReconnect: RunOptions["onReconnect"]
  /** @param about what it exports, in words */
  readonly onJob: (job: Job, about: string) => void
}

/** The form that chooses what to export, and what comes of it. */
export function createExportSection({ service, lists, onReconnect, onJob }: Options): HTMLElement {
  const form = createForm(service, lists)
  const format = createFormatChoice()
  const problem = h("div", {})
  const note = h("p", { role: "status" })
  const outcome = h("div", { className: "outcome" })
  const common = { service, onReconnect, listNames: new Map(lists.map(({ id, name }) => [id, name])) }
  let running: Run | undefined

  /** @param run starts something that is shown here, or returns a sentence about what it did instead */
  const begin = async (run: (options: RunOptions) => Run | Promise<Run | string>) => {
    problem.replaceChildren()
    note.textContent = ""
    // What came of an earlier choice could be taken for what comes of this one.
    if (running?.hasEnded()) outcome.replaceChildren()
    const missing = form.missing()
    if (missing.length > 0) {
      const advice = `Check at least one ${missing.join(" and one ")}.`
      problem.append(h("p", { className: "problem", role: "alert" }, advice))
      return
    }
    try {
      const started = await run({ ...common, about: form.words(), ...form.selected() })
      if (typeof started === "string") return void (note.textContent = started)
      running?.stop()
      running = started
      outcome.replaceChildren(started.element)
      started.element.scrollIntoView({ block: "nearest" })
      announce("The export has started")
    } catch (failure) {
      const error = toShown(failure)
      if (error !== undefined) problem.append(problemBox(error))
    }
  }
  const way = (label: string, hint: string, run: Parameters<typeof begin>[0]) => {
    const pressed = button(label, { onclick: () => void whileBusy(pressed, () => begin(run)) })
    return { pressed, element: h("div", {}, pressed, h("p", { className: "quiet" }, hint)) }
  }
  const save = way("Save to a file", "All members that you chose, in a file.", async (options) => {
    const sink = await openSink(fileName(format.selected()))
    if (sink === undefined) return notSaved
    return createExportRun({ ...options, file: { sink, format: format.selected() } })
  })
  save.pressed.className = "main"
  const show = way("Show here", "The first 200, and how many there are.", createExportRun)
  const follow = way("Follow live", "Changes, within a minute or sooner.", createFollowRun)
  const background = way(
    "Run in the background",
    "Continues if you close this page. You download the file later.",
    async ({ selection, about }) => {
      const file = { format: format.selected(), bom: format.selected() === "csv" ? true : undefined }
      const job = { ...selection, ...file, idempotencyKey: crypto.randomUUID() }
      onJob(await startJob({ ...service, ...job }), about)
      return "Started: it is under “In the background” below."
    },
  )
  return h(
    "section",
    {},
    h("h2", {}, "Export"),
    ...form.elements,
    format.element,
    h("div", { className: "ways" }, ...[save, show, follow, background].map(({ element }) => element)),
    problem,
    note,
    outcome,
  )
}

/** What to export: which lists, statuses and fields. */
function createForm(service: Service, lists: readonly List[]) {
  const listChoice = createListChoice(lists, () => void fieldChoice.refresh())
  const statusChoice = createStatusChoice()
  const fieldChoice = createFieldChoice(service, listChoice.selected)
  return {
    elements: [listChoice.element, statusChoice.element, fieldChoice.element],
    /** What is selected, in words. */
    words: () => {
      const ids = listChoice.selected()
      const names = lists.flatMap(({ id, name }) => (ids.includes(id) ? [name] : []))
      const fields = fieldChoice.columns().map(({ label }) => label)
      return selectionWords({ lists: names, statuses: statusChoice.words(), fields })
    },
    /** Of what nothing is checked. */
    missing: () => [
      ...(listChoice.selected().length === 0 ? ["list"] : []),
      ...(statusChoice.isEmpty() ? ["status"] : []),
      ...(fieldChoice.isEmpty() ? ["field"] : []),
    ],
    selected: (): Pick<RunOptions, "selection" | "columns" | "estimate"> => {
      const ids = listChoice.selected()
      const columns = fieldChoice.columns()
      const selection = {
        ...(ids.length < lists.length && { lists: ids }),
        ...(columns.length > 0 && { fields: columns.map(({ field }) => field) }),
        ...statusChoice.selected(),
      }
      const chosen = lists.filter(({ id }) => ids.includes(id))
      return { selection, columns, estimate: estimateOf(chosen, selection) }
    },
  }
}

function createFormatChoice() {
  const csv = choice("CSV, for spreadsheets", { type: "radio", name: "format", checked: true })
  const ndjson = choice("NDJSON, for developers", { type: "radio", name: "format" })
  return {
    element: h(
      "fieldset",
      {},
      h("legend", {}, "File format"),
      h("div", { className: "choices" }, csv.element, ndjson.element),
    ),
    selected: (): Format => (csv.input.checked ? "csv" : "ndjson"),
  }
}

function fileName(format: Format): string {
  return `mailchimp_members_${new Date().toISOString().slice(0, 10)}.${format}`
}
