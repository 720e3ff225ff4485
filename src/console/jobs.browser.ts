import { downloadJob } from "../client/download-job.ts"
import { cancelJob, job as readJob, listJobs, retryJob } from "../client/jobs.ts"
import type { Service } from "../client/request.ts"
import type { JobSummary } from "../client/types.ts"
import { button, confirmed, focusableHeading, h, whileBusy } from "./dom.browser.ts"
import { createJobItem, isOpen } from "./job-item.browser.ts"
import { problemBox, toShown } from "./problem.browser.ts"
import { notSaved, openSink, type Sink } from "./save.browser.ts"

const pollMs = 2000

const text = "Its files are deleted here. Files that you have saved stay."
const toCancel = { label: "Cancel", title: "Cancel this export?", text, yes: "Cancel it" }
const toDelete = { label: "Delete", title: "Delete this export?", text, yes: "Delete" }

/** The exports in the background: how far they are, and their files. */
export function createJobs(service: Service) {
  const list = h("ul", { className: "jobs" })
  const nothing = h("p", { hidden: true }, "Nothing here anymore.")
  const problem = h("div", {})
  const note = h("p", { role: "status" })
  const heading = focusableHeading("h2", "In the background")
  const element = h("section", { hidden: true }, heading, problem, note, list, nothing)
  /** What the jobs export that were started on this page. */
  const descriptions = new Map<string, string>()
  const items = new Map<string, ReturnType<typeof createJobItem>>()
  let timer: ReturnType<typeof setTimeout> | undefined

  const show = (failure: unknown) => {
    const error = toShown(failure)
    if (error !== undefined) problem.replaceChildren(problemBox(error))
  }
  const draw = (jobs: readonly JobSummary[]) => {
    const hadFocus = list.contains(document.activeElement)
    const ids = new Set(jobs.map(({ id }) => id))
    for (const [id, item] of items) {
      if (ids.has(id)) continue
      items.delete(id)
      item.element.remove()
    }
    for (const [index, job] of jobs.entries()) {
      const known = items.get(job.id)
      const item = known ?? createJobItem(job, descriptions.get(job.id), buttonsOf)
      items.set(job.id, item)
      if (known) known.update(job)
      else list.insertBefore(item.element, list.children[index] ?? null)
    }
    // Deleting the last one must not take away what has the focus.
    if (jobs.length > 0) element.hidden = false
    nothing.hidden = jobs.length > 0
    if (hadFocus && !list.contains(document.activeElement)) heading.focus()
  }
  /** @param question is asked first. The button is not busy meanwhile, so that it can be pressed again at once after a no. */
  const action = (
    label: string,
    work: () => Promise<unknown>,
    question?: Parameters<typeof confirmed>[0],
  ) => {
    const pressed = button(label, {
      onclick: async () => {
        if (question && !(await confirmed(question))) return
        problem.replaceChildren()
        note.textContent = ""
        void whileBusy(pressed, () => work().then(refresh).catch(show))
      },
    })
    return pressed
  }
  const save = async (id: string) => {
    if (!(await download(id, service))) note.textContent = notSaved
  }
  const buttonsOf = (job: JobSummary) => {
    const { id, state } = job
    const removal = isOpen(job) ? toCancel : toDelete
    return [
      ...(state === "complete" || state === "short" ? [action("Download", () => save(id))] : []),
      ...(state === "failed" ? [action("Try again", () => retryJob(id, service))] : []),
      action(removal.label, () => cancelJob(id, service), removal),
    ]
  }
  /** Reads the jobs, and again while one of them runs. A service without jobs has none. */
  const refresh = async (): Promise<void> => {
    let goesOn = items.size > 0
    try {
      const jobs = (await listJobs(service)).filter(({ state }) => state !== "canceled")
      draw(jobs)
      goesOn = jobs.some(isOpen)
    } finally {
      clearTimeout(timer)
      if (goesOn) timer = setTimeout(() => element.isConnected && void refresh().catch(show), pollMs)
    }
  }
  void refresh().catch(() => {})
  return {
    element,
    /** Shows a job that was just started. */
    show: ({ id }: Pick<JobSummary, "id">, about: string) => {
      descriptions.set(id, about)
      void refresh().then(() => items.get(id)?.element.scrollIntoView({ block: "center" }), show)
    },
  }
}

/** Joins the parts, each of which is checked against its digest, and unpacks them, because spreadsheets do not. Returns false if no file was chosen. */
async function download(id: string, service: Service): Promise<boolean> {
  const job = await readJob(id, service)
  const day = job.created_at.slice(0, 10)
  const sink = await openSink(`mailchimp_members_${day}.${job.format}`)
  if (sink === undefined) return false
  try {
    for await (const { bytes } of downloadJob({ ...job, state: "complete" }, service))
      if (job.compression === "gzip") await unpack(bytes, sink)
      else await sink.write(bytes)
    await sink.finish()
    return true
  } catch (error) {
    await sink.discard()
    throw error
  }
}

/** Each part is a gzip file of its own. */
async function unpack(bytes: Uint8Array<ArrayBuffer>, sink: Sink): Promise<void> {
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))
  await unpacked.pipeTo(new WritableStream({ write: (chunk) => sink.write(chunk) }))
}
