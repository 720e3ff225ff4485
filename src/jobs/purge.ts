import { type Clock, startTimer } from "../lib/time.ts"
import type { JobEvent } from "./job-event.ts"
import type { Job, JobStore } from "./job.ts"
import type { PartFiles } from "./parts/part-files.ts"
import { removeStrays } from "./remove-strays.ts"

/** How long the record of a job answers `job_expired` after its files were purged. */
const recordRetentionMs = 30 * 24 * 3_600_000

const purgeEveryMs = 10 * 60_000

type PurgeDeps = {
  readonly jobs: Pick<JobStore, "find" | "deleteExpired">
  readonly files: Pick<PartFiles, "jobIds" | "names" | "remove" | "removeAll">
  readonly clock: Clock
}

/** Removes the files that no job may serve any more, and then the oldest records. */
export function createPurge({ jobs, files, clock }: PurgeDeps): () => Promise<void> {
  return async () => {
    for (const id of await files.jobIds()) {
      const job = await jobs.find(id)
      if (job === undefined || isExpired(job, clock)) await files.removeAll(id)
      else await removeStrays(job, { id, attempt: lastEndedAttempt(job) }, files)
    }
    await jobs.deleteExpired(new Date(clock.now() - recordRetentionMs))
  }
}

/** The newest run of a running job may be writing a file that the record does not name yet. */
function lastEndedAttempt({ state, attempt }: Pick<Job, "state" | "attempt">): number {
  return state === "running" ? attempt - 1 : attempt
}

export function isExpired({ expiresAt }: Pick<Job, "expiresAt">, clock: Pick<Clock, "now">): boolean {
  return expiresAt !== undefined && expiresAt.getTime() <= clock.now()
}

/** Purges now and every ten minutes, until it is disposed of. */
export function startPurging(
  purge: () => Promise<void>,
  options: { readonly clock: Clock; readonly onEvent: (event: JobEvent) => void },
): Disposable {
  const { clock, onEvent } = options
  let timer: Disposable | undefined
  let isOver = false
  const next = async () => {
    await purge().catch((error: unknown) => onEvent({ type: "job_purge_failed", error }))
    if (!isOver) timer = startTimer(purgeEveryMs, clock, () => void next())
  }
  void next()
  return {
    [Symbol.dispose]: () => {
      isOver = true
      timer?.[Symbol.dispose]()
    },
  }
}
