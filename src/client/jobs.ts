import { type JobOptions, toJobBody } from "./job-options.ts"
import { type Service, readData } from "./request.ts"
import { retrying } from "./retrying.ts"
import type { Job, JobSummary } from "./types.ts"

/** Starts an export in the background. Not repeated by itself: with an `idempotencyKey` the same call may be repeated. */
export function startJob(options: JobOptions): Promise<Job> {
  const { idempotencyKey } = options
  return readData(options, "/export-jobs", {
    method: "POST",
    body: JSON.stringify(toJobBody(options)),
    headers: {
      "content-type": "application/json",
      ...(idempotencyKey !== undefined && { "idempotency-key": idempotencyKey }),
    },
  })
}

/** The caller's jobs, newest first, at most 100; with `before`, the id of a job, only older ones. Expired jobs are left out. */
export function listJobs(service: Service & { readonly before?: string | undefined }): Promise<JobSummary[]> {
  return readData(service, "/export-jobs", { query: { before: service.before } })
}

/** A job as it is now. */
export function job(id: string, service: Service): Promise<Job> {
  return readData(service, pathOf(id))
}

/** Resolves when the job has ended: look at its `state`. Passing failures are retried. */
export async function waitForJob(id: string, service: Service): Promise<Job> {
  for (;;) {
    const read = () => readData<Job>(service, pathOf(id), { headers: { prefer: "wait=30" } })
    const job = await retrying(read, service.signal)
    if (job.state !== "queued" && job.state !== "running") return job
  }
}

/** Cancels a job and deletes its files. Succeeds if it was canceled before. */
export function cancelJob(id: string, service: Service): Promise<Job> {
  return readData(service, pathOf(id), { method: "DELETE" })
}

/** Has a failed job continue from its last part. */
export function retryJob(id: string, service: Service): Promise<Job> {
  return readData(service, `${pathOf(id)}/retry`, { method: "POST" })
}

export function pathOf(id: string): string {
  return `/export-jobs/${encodeURIComponent(id)}`
}
