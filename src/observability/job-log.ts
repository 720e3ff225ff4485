import type { JobEvent } from "../jobs/job-event.ts"
import { toUsageFields } from "./export-log.ts"
import type { Logger } from "./logger.ts"

/** What a warning means. Its message begins with its type, by which an operator finds it. */
const warnings: Partial<Record<JobEvent["type"], string>> = {
  jobs_run_elsewhere:
    "another process runs the jobs of this database; this process takes over when that one ends",
  job_stalled: "a process stopped in the middle of a job; another one continues it",
  job_workers_missing:
    "no process with ROLE=worker or ROLE=all was seen for a minute: jobs wait until one starts",
}

export function logJob(logger: Logger, event: JobEvent): void {
  const { type, ...line } = event
  const warning = warnings[type]
  if ("error" in event && event.type !== "job_ended") logger.error(line, type)
  else if (warning !== undefined) logger.warn(line, `${type}: ${warning}`)
  else if (event.type === "job_ended") logEnd(logger, event)
  else logger.info(line, type.replaceAll("_", " "))
}

/** One line for a job that has ended, with what its last run took. */
function logEnd(logger: Logger, event: Extract<JobEvent, { readonly type: "job_ended" }>): void {
  const { jobId, attempt, state, rows, parts, bytes, connectionId: connection, usage, error } = event
  const line = { jobId, attempt, state, rows, parts, bytes, connection, ...(usage && toUsageFields(usage)) }
  if (state === "failed") logger.error({ ...line, error }, "job failed")
  else logger.info(line, "job ended")
}
