import { downloadJob } from "../client/download-job.ts"
import { cancelJob, job as readJob, retryJob } from "../client/jobs.ts"
import { type Service, readData } from "../client/request.ts"
import type { Job } from "../client/types.ts"
import { announce, button, confirmed, h, whileBusy } from "./dom.browser.ts"
import { problemBox, toShown } from "./problem.browser.ts"
import { openSink } from "./save.browser.ts"
import { count, size } from "./words.ts"

const pollMs = 2000

const stateWords: Readonly<Record<Job["state"], string>> = {
  queued: "Waiting for its turn",
  running: "Running",
  complete: "Complete",
  short: "Done, but some members may be missing",
  failed: "Failed",
  canceled: "Deleted",
}

type Summary = Omit<Job, "parts">

/** The exports in the background: how far they are, and their files. */
export function createJobs(service: Service) {
  const list = h("ul", { className: "jobs" })
  const problem = h("div", {})
  const element = h("section", { hidden: true }, h("h2", {}, "In the background"), problem, list)
  const show = (failure: unknown) => {
    const error = toShown(failure)
    // A service without jobs has nothing to show.
    if (error === undefined || error.code === "jobs_not_configured") return
    problem.replaceChildren(problemBox(error))
  }
  const attempt = (work: () => Promise<unknown>) => async () => {
    problem.replaceChildren()
    await work().then(refresh, show)
  }
  const refresh = async (): Promise<void> => {
    const all = await readData<Summary[]>(service, "/export-jobs")
    const jobs = all.filter(({ state }) => state !== "canceled")
    element.hidden = jobs.length === 0
    // A button that has the focus keeps it: a job that looks the same is not drawn again.
    const drawn = new Map([...list.children].map((item) => [item.id, item]))
    list.replaceChildren(
      ...jobs.map((job) => {
        const id = [job.id, job.state, job.rows].join(" ")
        return drawn.get(id) ?? drawJob(job, id)
      }),
    )
  }
  const action = (label: string, work: () => Promise<unknown>) => {
    const pressed = button(label, { onclick: () => void whileBusy(pressed, attempt(work)) })
    return pressed
  }
  const drawJob = (job: Summary, id: string) => {
    const { state, rows, estimate, bytes, format, created_at } = job
    const isOpen = state === "queued" || state === "running"
    const bar = h("progress", { ariaLabel: "Progress", max: Math.max(1, rows, estimate ?? 0), value: rows })
    const files = bytes > 0 ? `, ${size(bytes)}` : ""
    return h(
      "li",
      { id },
      h(
        "p",
        {},
        h("strong", {}, stateWords[state]),
        ` · ${count(rows, "member")}${files} as ${format.toUpperCase()}`,
      ),
      h("p", { className: "quiet" }, `Started ${new Date(created_at).toLocaleString()}`),
      ...(isOpen ? [bar] : []),
      ...(job.error === null ? [] : [h("p", { className: "problem" }, job.error.detail)]),
      h(
        "div",
        { className: "actions" },
        ...(state === "complete" || state === "short"
          ? [action("Download", () => download(job.id, service))]
          : []),
        ...(state === "failed" ? [action("Try again", () => retryJob(job.id, service))] : []),
        action(isOpen ? "Cancel" : "Delete", () => remove(job, service, isOpen)),
      ),
    )
  }
  const poll = async () => {
    await refresh().catch(show)
    setTimeout(() => element.isConnected && void poll(), pollMs)
  }
  void poll()
  return {
    element,
    /** Shows a job that was just started. */
    show: () => {
      announce("The export runs in the background")
      void refresh().then(() => element.scrollIntoView({ block: "nearest" }), show)
    },
  }
}

/** Joins the parts, each of which is checked against its digest. */
async function download(id: string, service: Service): Promise<void> {
  const job = await readJob(id, service)
  const day = job.created_at.slice(0, 10)
  const sink = await openSink(
    `mailchimp_members_${day}.${job.format}${job.compression === "gzip" ? ".gz" : ""}`,
  )
  if (sink === undefined) return
  try {
    for await (const { bytes } of downloadJob({ ...job, state: "complete" }, service)) await sink.write(bytes)
    await sink.finish()
  } catch (error) {
    await sink.discard()
    throw error
  }
}

async function remove({ id, rows }: Summary, service: Service, isOpen: boolean): Promise<void> {
  const isSure = await confirmed({
    title: isOpen ? "Cancel this export?" : "Delete this export?",
    text: `Its files with ${count(rows, "member")} are deleted here. Files that you have saved stay.`,
    yes: isOpen ? "Cancel it" : "Delete",
  })
  if (isSure) await cancelJob(id, service)
}
