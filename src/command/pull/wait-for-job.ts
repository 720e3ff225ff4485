import { job as readJob } from "../../client/jobs.ts"
import type { Service } from "../../client/request.ts"
import { retrying } from "../../client/retrying.ts"
import type { Job } from "../../client/types.ts"
import type { Clock } from "../../lib/time.ts"
import type { Progress } from "./progress.ts"

const pollEveryMs = 1000

/** Shows how far a job is until it has ended, however it ended. Passing failures are retried. */
export async function waitForJob(
  id: string,
  {
    service,
    progress,
    clock,
  }: { readonly service: Service; readonly progress: Progress; readonly clock: Clock },
): Promise<Job> {
  for (;;) {
    const job = await retrying(() => readJob(id, service), service.signal)
    progress.begin(job.estimate ?? 0)
    progress.show(job.rows)
    if (job.state !== "queued" && job.state !== "running") return job
    await clock.sleep(pollEveryMs, service.signal)
  }
}
