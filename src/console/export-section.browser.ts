import { startJob } from "../client/jobs.ts"
import type { MemberStatus } from "../client/member.ts"
import type { Service } from "../client/request.ts"
import type { Job, List } from "../client/types.ts"
import { announce, button, choice, h, whileBusy } from "./dom.browser.ts"
import { createExportRun } from "./export-run.browser.ts"
import { createFieldChoice } from "./field-choice.browser.ts"
import { createFollowRun } from "./follow-run.browser.ts"
import { createListChoice } from "./list-choice.browser.ts"
import type { Column } from "./member-table.browser.ts"
import { problemBox, toShown } from "./problem.browser.ts"
import type { Run, RunOptions, Selection } from "./run.browser.ts"
import { openSink } from "./save.browser.ts"
import { statusWords } from "./words.ts"

const statuses: readonly MemberStatus[] = [
  "subscribed",
  "unsubscribed",
  "cleaned",
  "pending",
  "transactional",
  "archived",
]

type Format = "ndjson" | "csv"

type Options = {
  readonly service: Service
  readonly lists: readonly List[]
  readonly onReconnect: RunOptions["onReconnect"]
  readonly onJob: (job: Job) => void
}

/** The form that chooses what to export, and what comes of it. */
export function createExportSection({ service, lists, onReconnect, onJob }: Options): HTMLElement {
  const listChoice = createListChoice(lists)
  const fieldChoice = createFieldChoice(service, listChoice.selected)
  const statusChoice = createStatusChoice()
  const format = createFormatChoice()
  const outcome = h("div", { className: "outcome" })
  const listNames = new Map(lists.map(({ id, name }) => [id, name]))
  let running: Run | undefined

  const begin = async (run: (selection: Selection, columns: Column[]) => Promise<Run | undefined>) => {
    const selected = listChoice.selected()
    if (selected.length === 0 || statusChoice.isEmpty()) {
      outcome.replaceChildren(
        h("p", { className: "problem", role: "alert" }, "Check at least one list and one status."),
      )
      return
    }
    try {
      const columns = fieldChoice.columns()
      const fields = columns.length > 0 ? { fields: columns.map(({ field }) => field) } : {}
      const chosen = selected.length < lists.length ? { lists: selected } : {}
      const started = await run({ ...chosen, ...fields, ...statusChoice.selected() }, columns)
      if (started === undefined) return
      running?.stop()
      running = started
      outcome.replaceChildren(started.element)
      started.element.scrollIntoView({ block: "nearest" })
      announce("The export has started")
    } catch (failure) {
      const error = toShown(failure)
      if (error !== undefined) outcome.replaceChildren(problemBox(error))
    }
  }
  const common = { service, listNames, onReconnect }
  const action = (label: string, className: string, run: Parameters<typeof begin>[0]) => {
    const pressed = button(label, { className, onclick: () => void whileBusy(pressed, () => begin(run)) })
    return pressed
  }
  return h(
    "section",
    {},
    h("h2", {}, "Export"),
    listChoice.element,
    statusChoice.element,
    fieldChoice.element,
    h(
      "div",
      { className: "actions" },
      action("Start", "main", async (selection, columns) =>
        createExportRun({ ...common, selection, columns }),
      ),
      action("Follow live", "", async (selection, columns) =>
        createFollowRun({ ...common, selection, columns }),
      ),
    ),
    format.element,
    h(
      "div",
      { className: "actions" },
      action("Save to a file", "", async (selection, columns) => {
        const sink = await openSink(fileName(format.selected()))
        const file = sink && { sink, format: format.selected() }
        return file && createExportRun({ ...common, selection, columns, file })
      }),
      action("Run in the background", "", async (selection) => {
        onJob(
          await startJob({
            ...service,
            ...selection,
            format: format.selected(),
            idempotencyKey: crypto.randomUUID(),
          }),
        )
        return undefined
      }),
    ),
    outcome,
  )
}

function createStatusChoice() {
  const boxes = statuses.map((status) => ({
    status,
    ...choice(statusWords[status], { checked: status !== "archived" }),
  }))
  const checked = () => boxes.filter(({ input }) => input.checked).map(({ status }) => status)
  return {
    element: h(
      "fieldset",
      {},
      h("legend", {}, "Members who are"),
      h("div", { className: "choices" }, ...boxes.map(({ element }) => element)),
    ),
    isEmpty: () => checked().length === 0,
    /** Without a status, all but archived members. */
    selected: (): Pick<Selection, "status" | "include"> => {
      const status = checked()
      if (status.length === statuses.length) return { include: "archived" }
      const isUsual = status.length === statuses.length - 1 && !status.includes("archived")
      return isUsual ? {} : { status }
    },
  }
}

function createFormatChoice() {
  const csv = choice("CSV, for spreadsheets", { type: "radio", name: "format", checked: true })
  const ndjson = choice("NDJSON, for programs", { type: "radio", name: "format" })
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
