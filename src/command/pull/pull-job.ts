import { MailchimpExportError } from "../../client/error.ts"
import { job as readJob, retryJob, startJob } from "../../client/jobs.ts"
import { retrying } from "../../client/retrying.ts"
import type { Job } from "../../client/types.ts"
import { CommandError } from "../command-error.ts"
import type { Pull } from "./pull.ts"
import { toExportOptions } from "./selection.ts"
import type { JobPosition } from "./sink.ts"
import type { Summary } from "./summary.ts"
import { waitForJob } from "./wait-for-job.ts"
import { writeParts } from "./write-parts.ts"

export type PullJob = Omit<Pull, "encoder"> & {
  /** Writes the parts as they are stored, compressed. */
  readonly isCompressed: boolean
}

/**
 * Has the service export in the background, waits, and downloads the files into the sink. If the command ends before, the job
 * continues, and a later run downloads it.
 *
 * @throws {MailchimpExportError} what made the job fail
 */
export async function pullJob(options: PullJob): Promise<Summary> {
  const { sink, progress, partialName, canContinue, isIncrement } = options
  try {
    const summary = await download(options)
    progress.end()
    const { status, rows, cursor } = summary
    // A job that is short has ended. A new one delivers what is missing.
    if (status === "short") await sink.abandon({ isOver: true })
    const file = status === "short" ? partialName : await sink.complete(cursor)
    const common = { isIncrement, canContinue, lists: [], deletedLists: [], cursor }
    // The parts of a job are whole, however often it was resumed.
    return { status, file, rows, mayRepeat: false, ...common }
  } catch (error) {
    progress.end()
    await sink.abandon({ isOver: error instanceof JobGone }).catch(() => {})
    throw error
  }
}

/** The job's files are no longer there, so there is nothing to continue with. */
class JobGone extends CommandError {
  constructor(state: string, cause?: unknown) {
    super(
      "failed",
      `Cannot resume because the job is ${state}: run the command again, which starts a new one`,
      { cause },
    )
  }
}

async function download(options: PullJob) {
  const { service, sink, progress, isCompressed } = options
  const { id, position } = await startOrResume(options)
  const job = await waitForJob(id, options)
  if (job.state === "canceled") throw new JobGone("canceled")
  progress.note(
    `Downloading ${job.parts.length} ${job.parts.length === 1 ? "part" : "parts"} of the job ${id}`,
  )
  const written = await writeParts(job, { service, sink, position, isCompressed })
  return { ...written, cursor: job.cursor ?? "" }
}

/** The key of a job is stored before its start, so that a crash in between does not start a second job. */
async function startOrResume(options: PullJob): Promise<{ id: string; position: JobPosition }> {
  const { service, sink, progress, clock, random } = options
  const { job: earlier } = sink.position
  if (earlier?.id !== undefined) {
    await retryIfFailed(earlier.id, options)
    return { id: earlier.id, position: earlier }
  }
  const { key } = earlier ?? { key: `${clock.now()} ${random()}` }
  await sink.checkpoint({ job: { key } }, 0)
  const { id } = await retrying(() => start(options, key), service.signal)
  const position = { key, id }
  await sink.checkpoint({ job: position }, 0)
  progress.note(`The service exports in the background, as the job ${id}, also without this command`)
  return { id, position }
}

function start({ service, selection, sink }: PullJob, idempotencyKey: string): Promise<Job> {
  const { format, formulas, bom } = selection
  const { cursor } = sink.position
  const options = { ...toExportOptions(selection), format, formulas, bom, cursor, idempotencyKey }
  return startJob({ ...service, ...options })
}

async function retryIfFailed(id: string, { service, progress }: PullJob): Promise<void> {
  try {
    const { state, error } = await readJob(id, service)
    if (state === "canceled") throw new JobGone(state)
    if (state !== "failed") return
    progress.note(`Retrying the job ${id}, which failed: ${error?.detail ?? ""}`)
    await retryJob(id, service)
  } catch (error) {
    const isGone =
      error instanceof MailchimpExportError && ["job_expired", "job_not_found"].includes(error.code)
    throw isGone ? new JobGone("no longer there", error) : error
  }
}
