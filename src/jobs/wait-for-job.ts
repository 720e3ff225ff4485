import type { Clock } from "../lib/time.ts"
import { isOpen, type Job } from "./job.ts"

/** How often the record is read. Any process may change it, so there is nothing to be notified by. */
const readEveryMs = 500

/** Resolves when the state has changed, at once if the job has ended, or when the time is up. */
export async function waitForJob(
  read: () => Promise<Job>,
  options: { readonly waitMs: number; readonly signal: AbortSignal; readonly clock: Clock },
): Promise<Job> {
  const { waitMs, signal, clock } = options
  const untilMs = clock.monotonicMs() + waitMs
  const first = await read()
  for (let job = first; ; job = await read()) {
    const leftMs = untilMs - clock.monotonicMs()
    if (!isOpen(job) || job.state !== first.state || leftMs <= 0) return job
    await clock.sleep(Math.min(readEveryMs, leftMs), signal)
  }
}
