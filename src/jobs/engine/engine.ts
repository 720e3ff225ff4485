import type { OpenJob } from "../job.ts"

/** Runs the job until it has ended, or until the signal aborts: then the job continues in a later run. */
export type RunJob = (id: string, signal: AbortSignal) => Promise<void>

/** What decides when and where a job runs. It carries the ids alone: everything else is in the job's record. */
export type Engine = {
  /**
   * Runs the job as soon as there is room for it, here or elsewhere.
   *
   * @throws AppError `queue_unavailable`. Whether the job runs nevertheless is then unknown.
   */
  add(job: OpenJob): Promise<void>
  /** Stops a run of the job here. A run elsewhere stops when it next writes. */
  cancel(id: string): Promise<void>
  /** Hands back the running jobs, and takes up no other. */
  close(): Promise<void>
  /** Whether this process runs jobs now. */
  runsHere(): boolean
}

/** Lets one of several processes do something. */
export type ProcessLock = {
  /** Whether this process has the lock, now or already before. */
  acquire(): boolean
  release(): void
}
