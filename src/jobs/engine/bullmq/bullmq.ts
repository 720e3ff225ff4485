import { isOpen, type Job, type OpenJob } from "../../job.ts"
import { canceled } from "../abort-reasons.ts"
import type { Engine, RunJob } from "../engine.ts"
import { createRuns } from "../runs.ts"
import { keepAddingOpenJobs } from "./add-open-jobs.ts"
import { createJobQueue, type JobQueue } from "./queue.ts"
import { watchWorkers } from "./watch-workers.ts"
import { startWorker, type WorkerDeps } from "./worker.ts"

/** A lock is renewed every fourth of this time: a process that is silent for it has crashed, hangs or was frozen. */
const lockMs = 12_000

export type BullmqDeps = Omit<WorkerDeps, "lockMs"> & {
  readonly lockMs?: number
  /** Whether this process runs jobs. Otherwise it only adds them. */
  readonly isWorker: boolean
  readonly find: (id: string) => Promise<Pick<Job, "id" | "openBefore" | "state"> | undefined>
  /** The first open jobs, in the order in which they should run. */
  readonly open: (limit: number) => Promise<readonly OpenJob[]>
}

/**
 * Distributes the jobs of a database among its processes by a queue in Redis, which has nothing but ids: if its data is lost,
 * all open jobs are added again. Its lock does not keep two runs of a job apart; the attempt in the job's record does.
 */
export function createBullmq(deps: BullmqDeps): {
  readonly createEngine: (run: RunJob) => Engine
  readonly countWorkers: () => Promise<number>
} {
  const { connection, clock, onEvent } = deps
  let isFailing = false
  /** Until Redis is back, or the open jobs were added, all errors are one outage. */
  const onError = (error: unknown) => {
    if (!isFailing) onEvent({ type: "job_engine_failed", error })
    isFailing = true
  }
  connection.onReady(() => void (isFailing = false))
  const queue = createJobQueue(connection, { clock, onError })
  return {
    createEngine: (run) => createEngine(run, { ...deps, queue, onError }),
    countWorkers: queue.countWorkers,
  }
}

function createEngine(
  run: RunJob,
  deps: BullmqDeps & { readonly queue: JobQueue; readonly onError: (error: unknown) => void },
): Engine {
  const { isWorker, find, queue, onError } = deps
  const runs = createRuns(run)

  /** A job that was retried while the queue still had it was not added. */
  const addIfOpen = async (id: string) => {
    const job = await find(id)
    if (job !== undefined && isOpen(job)) await queue.addAll([job])
  }

  const startWorking = () => {
    const worker = startWorker(runs, {
      ...deps,
      lockMs: deps.lockMs ?? lockMs,
      onLeft: (id) => void addIfOpen(id).catch(onError),
    })
    const adding = keepAddingOpenJobs(deps)
    return async () => {
      adding[Symbol.dispose]()
      await worker.close()
    }
  }
  const startWatching = () => {
    const watching = watchWorkers({ ...deps, countWorkers: queue.countWorkers })
    return async () => watching[Symbol.dispose]()
  }
  const stop = isWorker ? startWorking() : startWatching()

  return {
    add: queue.add,
    cancel: (id) => runs.stop(id, canceled),
    close: stop,
    runsHere: () => isWorker,
  }
}
