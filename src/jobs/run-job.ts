import type { Owner } from "../connections/connection.ts"
import type { Account } from "../connections/open-account.ts"
import { AppError } from "../errors.ts"
import type { EventLineOf } from "../exports/event-lines.ts"
import type { ExportEvent, ExportUsage } from "../exports/export-event.ts"
import { type ExportStep, exportSteps } from "../exports/export-steps.ts"
import { partFormatNamed } from "../exports/formats/formats.ts"
import type { StartExport } from "../exports/start-export.ts"
import { createLentChunk } from "../lib/lent-chunk.ts"
import { anySignal, type Clock } from "../lib/time.ts"
import type { RunJob } from "./engine/engine.ts"
import type { JobEvent } from "./job-event.ts"
import { type Job, type JobError, type JobStore, totalsOf } from "./job.ts"
import type { PartFiles } from "./parts/part-files.ts"
import { createPartsWriter, type PartsWriter } from "./parts/write-parts.ts"
import { createRecord, type JobRecord, Superseded } from "./record.ts"
import { removeStrays } from "./remove-strays.ts"

/** A part is also closed after this time, so that a crash costs no more work than that. */
const partMs = 30_000

export type RunJobDeps = {
  readonly jobs: Pick<JobStore, "begin" | "find" | "save" | "end">
  readonly files: PartFiles
  readonly openAccount: (owner: Owner, signal: AbortSignal) => Promise<Account>
  /** Begins an export that fails with the reason of `shutdownSignal` when that aborts. */
  readonly startExport: (
    request: Parameters<StartExport>[0],
    shutdownSignal: AbortSignal,
  ) => ReturnType<StartExport>
  /** The size of a part, as stored. */
  readonly partBytes: number
  /** How long the files of a job that has ended are kept. */
  readonly retentionMs: number
  readonly clock: Clock
  readonly onEvent: (event: JobEvent) => void
  readonly onExportEvent: (jobId: string, event: ExportEvent) => void
}

/**
 * Runs a job from where its record ends: writes parts, and records each together with its cursor. If the process is killed,
 * or the signal aborts, the next run continues after the last part that was recorded.
 *
 * Rejects only if the database cannot be reached: then the job is still open, and the run can be repeated.
 */
export function createRunJob(deps: RunJobDeps): RunJob {
  const { jobs, files, clock, onEvent } = deps
  return async (id, signal) => {
    const job = await jobs.begin(id, new Date(clock.now()))
    if (job === undefined) return
    const { attempt } = job
    onEvent({ type: "job_begins", jobId: id, attempt })
    const record = createRecord(job, deps)
    let usage: ExportUsage | undefined
    const onExportEvent = (event: ExportEvent) => {
      if ("usage" in event) usage = event.usage
      deps.onExportEvent(id, event)
    }
    const ended = (state: Job["state"], error?: unknown) => {
      const { parts } = record.progress()
      const written = { ...totalsOf(parts), parts: parts.length, connectionId: job.connectionId }
      onEvent({ type: "job_ended", jobId: id, attempt, state, ...written, usage, error })
    }
    try {
      ended(await writeExport(job, record, signal, { ...deps, onExportEvent }))
    } catch (error) {
      if (isDatabaseError(error)) throw error
      if (!signal.aborted && (await recordFailure(record, error))) ended("failed", error)
      else onEvent({ type: "job_left", jobId: id, attempt })
    } finally {
      await removeStrays(await jobs.find(id).catch(() => undefined), { id, attempt }, files)
    }
  }
}

/** Writes the whole rest of the export, and records its end. */
async function writeExport(
  job: Job,
  record: JobRecord,
  signal: AbortSignal,
  deps: Omit<RunJobDeps, "onExportEvent"> & { readonly onExportEvent: (event: ExportEvent) => void },
): Promise<"complete" | "short"> {
  const format = partFormatNamed(job.request.format)
  const parts = createPartsWriter(job, { files: deps.files, format, signal })
  const cursor = job.cursor ?? job.request.cursor
  let rows = 0
  const onEvent = (event: ExportEvent) => {
    if (event.type === "page") rows += event.rows
    deps.onExportEvent(event)
  }
  const steps = exportSteps(
    format,
    (format) => startExport(job, { format, cursor, onEvent }, signal, deps),
    job.parts.length > 0 ? { columns: job.columns } : undefined,
  )
  try {
    return await takeSteps(steps, parts, { record, partBytes: deps.partBytes, rows: () => rows })
  } catch (error) {
    await parts.discard()
    throw error
  }
}

async function startExport(
  { id, owner, connectionId, request: { listIds, selection, formulas, bom } }: Job,
  request: Pick<Parameters<StartExport>[0], "format" | "cursor" | "onEvent">,
  signal: AbortSignal,
  { openAccount, startExport }: Pick<RunJobDeps, "openAccount" | "startExport">,
) {
  // Until the export has begun, an abort ends it at once. Later the export fails by it, with a cursor.
  using starting = anySignal(signal)
  const account = await openAccount(owner, starting.signal)
  if (account.connection.id !== connectionId) {
    account[Symbol.dispose]()
    throw new AppError("disconnected", "Cannot run the job because its connection was deleted")
  }
  const events = { eventsId: id, lent: createLentChunk(), signal: starting.signal }
  const formatOptions = { formulas, bom }
  return startExport({ ...request, ...events, account, listIds, selection, formatOptions }, signal)
}

/** Resolves when the export has ended and that is recorded. Throws when it has failed: what was written is recorded then, too. */
async function takeSteps(
  steps: AsyncGenerator<ExportStep>,
  parts: PartsWriter,
  {
    record,
    partBytes,
    rows,
  }: {
    readonly record: JobRecord
    readonly partBytes: number
    /** How many rows were written. */
    readonly rows: () => number
  },
): Promise<"complete" | "short"> {
  for await (const step of steps) {
    if ("bytes" in step) {
      await parts.write(step.bytes)
      continue
    }
    if ("columns" in step) {
      record.note(step)
      continue
    }
    const { event } = step
    if (event.$export === "start") {
      record.note({ estimate: event.lists.reduce((sum, { estimate = 0 }) => sum + estimate, 0) })
    } else if (event.$export === "checkpoint") {
      const isDue = parts.storedBytes() >= partBytes || record.sinceSavedMs() >= partMs
      if (isDue) await record.save({ cursor: event.cursor, parts: await parts.close(event.rows) })
    } else if (event.$export === "error") {
      await record.save({ cursor: event.cursor, parts: await parts.close(rows()) })
      throw new ExportFailed(event)
    } else if (event.$export === "end") {
      const { status: state, cursor } = event
      await record.end({ state }, { cursor, parts: await parts.closeLast(event.rows) })
      return state
    }
  }
  throw new AppError("internal_error", "Cannot finish the job because its export did not end")
}

/** The export has told why it failed. */
class ExportFailed extends Error {
  override readonly name = "ExportFailed"
  readonly event: EventLineOf<"error">

  constructor(event: EventLineOf<"error">) {
    super(event.detail)
    this.event = event
  }
}

function isDatabaseError(error: unknown): boolean {
  return error instanceof AppError && error.code === "database_unavailable"
}

/** Records a failure. Resolves to false if the job is not this run's any more. */
async function recordFailure(record: JobRecord, error: unknown): Promise<boolean> {
  try {
    if (error instanceof Superseded) return false
    await record.end({ state: "failed", error: toJobError(error) })
    return true
  } catch (error) {
    if (error instanceof Superseded) return false
    throw error
  }
}

/** An unforeseen failure reveals nothing internal to the caller: the log has it. */
function toJobError(error: unknown): JobError {
  if (error instanceof ExportFailed || error instanceof AppError) {
    const { code, detail, retryable, upstream } = error instanceof ExportFailed ? error.event : error
    // The parts have a header, so a retry could only fail again.
    return { code, detail, retryable: retryable && code !== "columns_changed", upstream }
  }
  const detail = "Cannot finish the job because of an internal error: the log has it under the job's id"
  return { code: "internal_error", detail, retryable: false }
}
