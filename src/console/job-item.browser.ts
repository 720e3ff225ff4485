import { MailchimpExportError } from "../client/error.ts"
import type { JobSummary } from "../client/types.ts"
import { h, replaceButtons } from "./dom.browser.ts"
import { problemBox } from "./problem.browser.ts"
import { count, dateTime, size } from "./words.ts"

const stateWords: Readonly<Record<JobSummary["state"], string>> = {
  queued: "Waiting for its turn",
  running: "Running",
  complete: "Complete",
  short: "Done, but some members may be missing",
  failed: "Failed",
  canceled: "Deleted",
}

export function isOpen({ state }: Pick<JobSummary, "state">): boolean {
  return state === "queued" || state === "running"
}

/**
 * A job in the list of jobs. It is changed in place, so that a button keeps the focus while the job runs.
 *
 * @param about what it exports, if this page started it
 * @param buttonsOf what can be done with a job in its state
 */
export function createJobItem(
  first: JobSummary,
  about: string | undefined,
  buttonsOf: (job: JobSummary) => readonly HTMLButtonElement[],
) {
  const heading = h("strong", { tabIndex: -1 })
  const numbers = h("span", {})
  const times = h("p", { className: "quiet" })
  const bar = h("progress", { ariaLabel: "Progress" })
  const problem = h("div", {})
  const actions = h("div", { className: "actions" })
  let shown: JobSummary["state"] | undefined

  const update = (job: JobSummary) => {
    const { state, rows, estimate, bytes, format, compression, created_at, expires_at, error } = job
    const stored = compression === "gzip" ? " compressed" : ""
    const files = bytes > 0 ? [`${size(bytes)}${stored}`] : []
    const members = rows > 0 || state === "complete" ? [count(rows, "member")] : []
    heading.textContent = stateWords[state]
    numbers.textContent = ["", ...members, format.toUpperCase(), ...files].join(" · ")
    const kept = expires_at === null ? "" : ` · kept until ${dateTime(expires_at)}`
    times.textContent = `Started on ${dateTime(created_at)}${kept}`
    bar.hidden = !isOpen(job)
    bar.max = Math.max(1, rows, estimate ?? 0)
    bar.value = rows
    if (state === shown) return
    shown = state
    replaceButtons(actions, buttonsOf(job), heading)
    problem.replaceChildren()
    if (error === null) return
    const box = problemBox(new MailchimpExportError(error.code, error))
    // It failed earlier: a screen reader need not interrupt for it.
    box.role = null
    problem.append(box)
  }
  update(first)
  return {
    element: h(
      "li",
      {},
      h("p", {}, heading, numbers),
      times,
      about === undefined ? "" : h("p", { className: "quiet" }, about),
      bar,
      problem,
      actions,
    ),
    update,
  }
}
