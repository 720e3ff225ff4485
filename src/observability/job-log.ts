import type { JobEvent } from "../jobs/job-event.ts"
import type { Logger } from "./logger.ts"

export function logJob(logger: Logger, event: JobEvent): void {
  const { type, ...line } = event
  if (type === "job_engine_failed" || type === "job_purge_failed") logger.error(line, type)
  else if (type === "jobs_run_elsewhere")
    logger.warn("another process runs the jobs of this database; this process takes over when that one ends")
  else if (event.type === "job_ended" && event.state === "failed") logger.error(line, "job failed")
  else logger.info(line, type.replaceAll("_", " "))
}
