import type { Connection } from "../connections/connection.ts"
import { AppError } from "../errors.ts"
import type { Clock } from "../lib/time.ts"
import { endTimes } from "./end-times.ts"
import type { Engine } from "./engine/engine.ts"
import type { Job, JobStore } from "./job.ts"
import type { PartFiles } from "./parts/part-files.ts"

/** What is done to a job from outside of its run. */
export type ChangeJobs = {
  /** Stops the job and deletes its files. The record stays, canceled. Idempotent. */
  cancel(job: Job): Promise<void>
  /**
   * Has a failed job continue from its last part.
   *
   * @throws AppError `job_not_failed`, or `columns_changed` if the rest of the job would have other columns
   */
  retry(job: Job): Promise<void>
  /** Stops and deletes all jobs of a connection, with their files: a step of disconnecting. Idempotent. */
  forget(connection: Pick<Connection, "id">): Promise<void>
}

export function createChangeJobs(deps: {
  readonly jobs: Pick<JobStore, "cancel" | "requeue" | "deleteOfConnection">
  readonly files: Pick<PartFiles, "removeAll">
  readonly engine: Engine
  /** Called when a job was canceled or deleted, so that a run elsewhere stops, too. */
  readonly onCanceled: (id: string) => void
  readonly retentionMs: number
  readonly clock: Clock
}): ChangeJobs {
  const { jobs, files, engine, onCanceled, retentionMs, clock } = deps

  /** A run elsewhere may still write a file: the purge removes it. */
  const stop = async (id: string) => {
    onCanceled(id)
    await engine.cancel(id)
    await files.removeAll(id)
  }

  return {
    cancel: async ({ id }) => {
      await jobs.cancel(id, endTimes(clock, retentionMs))
      await stop(id)
    },
    retry: async ({ id, openBefore, error }) => {
      if (error?.code === "columns_changed")
        throw new AppError(
          "columns_changed",
          "Cannot retry the job because its columns changed: start a new job",
        )
      if (!(await jobs.requeue(id)))
        throw new AppError(
          "job_not_failed",
          "Cannot retry the job because it has not failed: start a new job",
        )
      // A queue that is down gets the job from the database when it is up again.
      await engine.add({ id, openBefore }).catch(ignoreUnavailable)
    },
    forget: async ({ id }) => {
      for (const jobId of await jobs.deleteOfConnection(id)) await stop(jobId)
    },
  }
}

function ignoreUnavailable(error: unknown): void {
  if (!(error instanceof AppError) || error.code !== "queue_unavailable") throw error
}
