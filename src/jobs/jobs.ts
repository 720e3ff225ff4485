import type { Owner } from "../connections/connection.ts"
import { type Clock, within } from "../lib/time.ts"
import { type ChangeJobs, createChangeJobs } from "./change-jobs.ts"
import type { Engine, RunJob } from "./engine/engine.ts"
import { findJob } from "./find-job.ts"
import type { Job, JobStore, JobSummary } from "./job.ts"
import type { PartFiles } from "./parts/part-files.ts"
import type { FilesWatch } from "./parts/watch-files.ts"
import { createPurge, startPurging } from "./purge.ts"
import { createRunJob, type RunJobDeps } from "./run-job.ts"
import { createStartJob, type StartJob } from "./start-job.ts"
import { waitForJob } from "./wait-for-job.ts"

/** The jobs of a service, from the moment it starts. */
export type Jobs = ChangeJobs & {
  readonly files: PartFiles
  /** Whether the object store of the files responds. Undefined if they are in a folder. */
  readonly filesWatch: FilesWatch | undefined
  readonly start: StartJob
  /** Rejects with `job_not_found`, also for a job of another owner, or with `job_expired`. */
  find(owner: Owner, id: string): Promise<Job>
  /** The same, when the state has changed, at once if the job has ended, and after `waitMs` at the latest. */
  wait(owner: Owner, id: string, waitMs: number, signal: AbortSignal): Promise<Job>
  /** The newest jobs, or those before one of the owner's jobs. */
  list(owner: Owner, beforeId: string | undefined): Promise<readonly JobSummary[]>
  /** Stops a run here, of a job that was canceled elsewhere. */
  stopRun(id: string): Promise<void>
  /** Hands the running jobs back, so that the next process continues with them. May be called again. */
  close(): Promise<void>
}

const listLimit = 100

/** How long running jobs may take to be handed back. */
const handBackMs = 5000

export function createJobs(
  deps: RunJobDeps & {
    readonly jobs: JobStore
    readonly createEngine: (run: RunJob) => Engine
    readonly onCanceled: (id: string) => void
    readonly filesWatch: FilesWatch | undefined
    readonly clock: Clock
  },
): Jobs {
  const { jobs, clock } = deps
  const engine = deps.createEngine(createRunJob(deps))
  const purge = createPurge(deps)
  const purging = startPurging(async () => {
    // Of several processes on one SQLite file, only the one that runs the jobs knows which files are being written.
    if (engine.runsHere()) await purge()
  }, deps)
  const find = (owner: Owner, id: string) => findJob(deps, owner, id)

  return {
    files: deps.files,
    filesWatch: deps.filesWatch,
    ...createChangeJobs({ ...deps, engine }),
    start: createStartJob({ ...deps, engine }),
    find,
    wait: (owner, id, waitMs, signal) => waitForJob(() => find(owner, id), { waitMs, signal, clock }),
    list: async (owner, beforeId) => {
      const before = beforeId === undefined ? undefined : await find(owner, beforeId)
      return jobs.list(owner, { now: new Date(clock.now()), limit: listLimit, ...(before && { before }) })
    },
    stopRun: engine.cancel,
    close: async () => {
      purging[Symbol.dispose]()
      // A run whose disk hangs continues in the next process, like a run that was killed.
      await within(engine.close(), handBackMs, clock)
    },
  }
}
