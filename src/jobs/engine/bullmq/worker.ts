import { DelayedError, type Job, WaitingError, Worker } from "bullmq"
import { AppError } from "../../../errors.ts"
import type { Clock } from "../../../lib/time.ts"
import type { JobEvent } from "../../job-event.ts"
import { handedBack } from "../abort-reasons.ts"
import type { Runs } from "../runs.ts"
import { isLostLock } from "./lost-lock.ts"
import { type QueueConnection, queueKeys, queueName } from "./queue.ts"

const lost = new AppError(
  "draining",
  "Cannot continue the job here because another process has taken it over",
)

/** A job whose database does not respond is tried again after this time. */
const retryMs = 2000

/** After the end of a run whose lock was lost, how long the worker may take to notice that the job is not its own. */
const forgetMs = 500

/** Redis is tried again after this time. */
const redisRetryMs = 1000

export type WorkerDeps = {
  readonly connection: QueueConnection
  readonly concurrency: number
  /**
   * How long a process may be silent before another one takes its jobs over, which is noticed after half of that time, too.
   */
  readonly lockMs: number
  readonly clock: Clock
  readonly onEvent: (event: JobEvent) => void
}

/** Takes jobs from the queue and runs them, until it is closed. */
export function startWorker(
  runs: Runs,
  deps: WorkerDeps & {
    readonly onError: (error: unknown) => void
    /** The queue has forgotten the job. */
    readonly onLeft: (id: string) => void
  },
): { close(): Promise<void> } {
  const { connection, concurrency, lockMs, clock, onEvent, onError, onLeft } = deps
  let isClosed = false
  const losing = new Set<string>()

  const lose = async (id: string) => {
    losing.add(id)
    await runs.stop(id, lost)
    await clock.sleep(forgetMs)
    losing.delete(id)
  }

  /** Puts the job back into the queue. What is thrown tells the worker that the job has not ended. */
  const later = async (job: Job, token: string | undefined) => {
    await job.moveToDelayed(clock.now() + retryMs, token)
    throw new DelayedError()
  }

  const take = async (job: Job, token?: string) => {
    const id = job.id ?? ""
    if (isClosed) return handBack(job, token)
    // This process has lost the lock and got it again. When the first of two runs of one id ends, the worker stops renewing
    // the lock of the second one, too.
    if (runs.has(id) || losing.has(id)) {
      void lose(id)
      return later(job, token)
    }
    try {
      await runs.start(id)
    } catch (error) {
      onError(error)
      return later(job, token)
    }
    if (isClosed) await handBack(job, token)
  }

  const worker = new Worker(queueName, take, {
    ...queueKeys,
    connection: connection.client,
    concurrency,
    lockDuration: lockMs,
    stalledInterval: lockMs / 2,
    // A job may be taken over any number of times: each run continues where the last one ended.
    maxStalledCount: Number.MAX_SAFE_INTEGER,
    runRetryDelay: redisRetryMs,
  })
  worker.on("lockRenewalFailed", (ids) => {
    for (const id of ids) void lose(id)
  })
  worker.on("stalled", (jobId) => onEvent({ type: "job_stalled", jobId }))
  worker.on("completed", ({ id = "" }) => onLeft(id))
  worker.on("failed", (job) => onLeft(job?.id ?? ""))
  // The run of a lost lock has been stopped already.
  worker.on("error", (error) => {
    if (!isLostLock(error)) onError(error)
  })

  return {
    close: async () => {
      isClosed = true
      const closed = worker.close()
      await runs.stopAll(handedBack)
      await closed
    },
  }
}

/** Lets another process have the job. What is thrown tells the worker that the job has not ended. */
async function handBack(job: Job, token: string | undefined): Promise<never> {
  await job.moveToWait(token)
  throw new WaitingError()
}
