import type { ExportUsage } from "../exports/export-event.ts"
import type { JobState } from "./job.ts"

/** What happens to jobs, for logs and metrics. */
export type JobEvent =
  | { readonly type: "job_queued"; readonly jobId: string }
  | { readonly type: "job_begins"; readonly jobId: string; readonly attempt: number }
  | {
      readonly type: "job_ended"
      readonly jobId: string
      readonly attempt: number
      readonly state: JobState
      /** Of all runs together. */
      readonly rows: number
      readonly parts: number
      /** Of all parts, as stored. */
      readonly bytes: number
      readonly connectionId: string
      /** Of this run alone. Undefined if its export did not begin. */
      readonly usage: ExportUsage | undefined
      readonly error?: unknown
    }
  /** The run stopped, and the job continues in a later run or elsewhere, or was canceled. */
  | { readonly type: "job_left"; readonly jobId: string; readonly attempt: number }
  /** The database cannot be reached, so the engine tries again. */
  | { readonly type: "job_engine_failed"; readonly error: unknown }
  | { readonly type: "job_purge_failed"; readonly error: unknown }
  /** The process that ran the job has crashed, hangs or cannot reach Redis, so another one takes the job over. */
  | { readonly type: "job_stalled"; readonly jobId: string }
  /** Whether a process runs the jobs that this one accepts. */
  | { readonly type: "job_workers_missing" }
  | { readonly type: "job_workers_seen" }
  /** Whether this process runs the jobs of its database. */
  | { readonly type: "jobs_run_here" | "jobs_run_elsewhere" }
  /** Whether the object store of the files responds: reported when it changes. */
  | { readonly type: "job_files_down"; readonly error: unknown }
  | { readonly type: "job_files_up" }
