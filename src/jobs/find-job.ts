import type { Owner } from "../connections/connection.ts"
import { AppError } from "../errors.ts"
import type { Clock } from "../lib/time.ts"
import type { Job, JobStore } from "./job.ts"
import { isExpired } from "./purge.ts"

/**
 * The owner's job of this id.
 *
 * @throws AppError `job_not_found`, also for a job of another owner, or `job_expired`
 */
export async function findJob(
  { jobs, clock }: { readonly jobs: Pick<JobStore, "find">; readonly clock: Pick<Clock, "now"> },
  owner: Owner,
  id: string,
): Promise<Job> {
  const job = await jobs.find(id)
  if (job === undefined || job.owner.accountId !== owner.accountId || job.owner.uid !== owner.uid)
    throw new AppError("job_not_found", "Cannot find the job: GET /export-jobs lists your jobs")
  if (!isExpired(job, clock)) return job
  throw new AppError("job_expired", "Cannot use the job because its files were purged: start a new job")
}
