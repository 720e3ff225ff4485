import type { JobEvent } from "../../jobs/job-event.ts"
import type { JobState } from "../../jobs/job.ts"
import type { Instruments } from "./instruments.ts"

const states: readonly JobState[] = ["complete", "short", "failed", "canceled"]

/** What happens to jobs; how many are open is read from the database: see `createGauges`. */
export function createJobMetrics({ counter }: Instruments) {
  const queued = counter("jobs_queued_total", "Jobs that callers started")
  const runs = counter("job_runs_total", "Runs of jobs that began in this process")
  const ended = counter("jobs_ended_total", "Jobs that ended in this process, by state", ["state"], states)

  return (event: JobEvent) => {
    if (event.type === "job_queued") queued.inc()
    else if (event.type === "job_begins") runs.inc()
    else if (event.type === "job_ended") ended.inc({ state: event.state })
  }
}
