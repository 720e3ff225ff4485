import type { Owner } from "../connections/connection.ts"
import type { Upstream } from "../errors.ts"
import type { CsvOptions } from "../exports/formats/csv/csv-options.ts"
import type { ListColumns } from "../exports/formats/csv/list-columns.ts"
import type { Selection } from "../exports/selection.ts"

/**
 * `queued` and `running` jobs are open. `short`: rows may be missing, as in the end line of an export. A failed job can be
 * retried.
 */
export type JobState = "queued" | "running" | "complete" | "short" | "failed" | "canceled"

/** What a job exports, and how it writes that. */
export type JobRequest = CsvOptions & {
  /** The selected lists, or undefined for all lists. */
  readonly listIds?: readonly string[] | undefined
  readonly selection: Selection
  readonly format: string
  readonly compression: "gzip" | "none"
  /** Resumes or continues another export. */
  readonly cursor?: string | undefined
}

/** A file of a job that can be downloaded. A part is whole in itself. */
export type Part = {
  readonly name: string
  readonly rows: number
  /** As stored, i.e. compressed. */
  readonly bytes: number
  /** Of the stored bytes, in hex. */
  readonly sha256: string
}

/** What a job has written so far. */
export type JobProgress = {
  /** For everything in `parts`: resumes the job, or, once it has ended, starts the next incremental export. */
  readonly cursor?: string | undefined
  readonly parts: readonly Part[]
  /** About how many rows there will be. */
  readonly estimate?: number | undefined
  /** If the format has columns that depend on the lists: those of the first part, which all parts have. */
  readonly columns?: readonly ListColumns[] | undefined
}

/** Why a job failed, for its caller. */
export type JobError = {
  readonly code: string
  readonly detail: string
  readonly retryable: boolean
  readonly upstream?: Upstream | undefined
}

/** How a run of a job ended. */
export type JobEnd =
  { readonly state: "complete" | "short" } | { readonly state: "failed"; readonly error: JobError }

export type Job = JobProgress & {
  readonly id: string
  readonly owner: Owner
  readonly connectionId: string
  /** The owner's idempotency key in some form, or the job's own id. No two jobs have the same. */
  readonly requestKey: string
  readonly request: JobRequest
  readonly state: JobState
  /** Counts the runs. Only the newest run may write. */
  readonly attempt: number
  /** How many jobs of the same account were open when this one was inserted: the fewer, the sooner it runs. */
  readonly openBefore: number
  readonly createdAt: Date
  readonly startedAt?: Date | undefined
  readonly endedAt?: Date | undefined
  /** When the files of a job that has ended are purged. */
  readonly expiresAt?: Date | undefined
  /** Only of a failed job. */
  readonly error?: JobError | undefined
}

export type NewJob = Pick<Job, "id" | "owner" | "connectionId" | "requestKey" | "request" | "createdAt">

/** A job without its parts, of which there may be thousands, and without what only its runs need. */
export type JobSummary = Omit<Job, "parts" | "columns" | "openBefore"> & {
  readonly rows: number
  readonly bytes: number
}

/** Whether a run of the job may begin by itself. */
export function isOpen({ state }: Pick<Job, "state">): boolean {
  return state === "queued" || state === "running"
}

/** How many rows and bytes parts have together. */
export function totalsOf(parts: readonly Pick<Part, "rows" | "bytes">[]) {
  return {
    rows: parts.reduce((sum, { rows }) => sum + rows, 0),
    bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}

/** What decides when a job runs. */
export type OpenJob = Pick<Job, "id" | "openBefore">

/** Identifies one run of a job. */
export type Run = Pick<Job, "id" | "attempt">

/** When a job ended, and when its files are purged. */
export type EndTimes = { readonly endedAt: Date; readonly expiresAt: Date }

/**
 * The records of jobs. Every method rejects with `database_unavailable` if the database cannot be reached; whether a write
 * has taken effect is then unknown, and all writes may be repeated.
 */
export type JobStore = RunStore & {
  /** Resolves to false and stores nothing if another job has the same `requestKey`. */
  insert(job: NewJob): Promise<boolean>
  find(id: string): Promise<Job | undefined>
  findByRequestKey(requestKey: string): Promise<Job | undefined>
  /** Gives up the `requestKey` of a job that was created at `until` or before, so that it can be used again. */
  freeRequestKey(requestKey: string, until: Date): Promise<void>
  /** The owner's jobs that have not expired, newest first, from the one before `before` on. */
  list(
    owner: Owner,
    options: { readonly now: Date; readonly limit: number; readonly before?: Pick<Job, "id" | "createdAt"> },
  ): Promise<readonly JobSummary[]>
  /** Cancels a job in any other state, so that no run of it can write. */
  cancel(id: string, times: EndTimes): Promise<void>
  /** Opens a failed job again. Resolves to false unless the job has failed. */
  requeue(id: string): Promise<boolean>
  /** Deletes the records, and resolves to their ids. */
  deleteOfConnection(connectionId: string): Promise<readonly string[]>
  /** Deletes the records of jobs whose `expiresAt` is at `until` or before. */
  deleteExpired(until: Date): Promise<void>
}

/** What the runs of jobs read and write. */
export type RunStore = {
  /**
   * The first open jobs, in the order in which they should run: first the job whose account had the fewest open jobs when
   * it was inserted, then the oldest.
   */
  open(limit: number): Promise<readonly OpenJob[]>
  /** How many jobs are open. */
  countOpen(): Promise<Readonly<Record<"queued" | "running", number>>>
  /** Begins a run of an open job: the attempt of the result is one more than before. Undefined if the job is not open. */
  begin(id: string, startedAt: Date): Promise<Job | undefined>
  /** Resolves to false and stores nothing unless this run is the newest one and the job is running. */
  save(run: Run, progress: JobProgress): Promise<boolean>
  /** The same, and ends the job. */
  end(run: Run, progress: JobProgress, end: JobEnd & EndTimes): Promise<boolean>
}
