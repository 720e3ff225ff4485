import { type Clock, startTimer } from "../../lib/time.ts"
import type { JobEvent } from "../job-event.ts"
import type { OpenJob } from "../job.ts"
import { canceled, handedBack } from "./abort-reasons.ts"
import { coalesce } from "./coalesce.ts"
import type { Engine, ProcessLock, RunJob } from "./engine.ts"
import { createRuns } from "./runs.ts"

/** How often the open jobs are read, to find those that another process has stored, or that a failed database has stopped. */
const tickMs = 2000

/**
 * Runs the open jobs of a database in this process, the unfinished jobs of an earlier process included. Only one process may
 * do so, or else each would take every job from the other: the lock decides which. When that process ends, the next takes over.
 */
export function createLocalEngine(deps: {
  /** The first open jobs, in the order in which they should run. */
  readonly open: (limit: number) => Promise<readonly Pick<OpenJob, "id">[]>
  readonly run: RunJob
  /** How many jobs run concurrently. */
  readonly concurrency: number
  readonly lock: ProcessLock
  readonly clock: Clock
  readonly onEvent: (event: JobEvent) => void
}): Engine {
  const { open, concurrency, lock, clock, onEvent } = deps
  const runs = createRuns(deps.run)
  let hasLock: boolean | undefined
  let isFailing = false
  let isClosed = false
  let timer: Disposable | undefined

  const failed = (error: unknown) => {
    if (!isFailing) onEvent({ type: "job_engine_failed", error })
    isFailing = true
  }

  const takeLock = () => {
    const had = hasLock
    hasLock = lock.acquire()
    if (hasLock !== had) onEvent({ type: hasLock ? "jobs_run_here" : "jobs_run_elsewhere" })
    return hasLock
  }

  /** Starts open jobs until as many run as may. */
  const startOpenJobs = async () => {
    if (runs.count() >= concurrency || !takeLock()) return
    // The first of them may be running already.
    const jobs = await open(2 * concurrency)
    isFailing = false
    for (const { id } of jobs) {
      if (isClosed || runs.count() >= concurrency) return
      // If a run fails, the next tick repeats it.
      if (!runs.has(id)) runs.start(id).then(starting.run, failed)
    }
  }

  const starting = coalesce(() => (isClosed ? Promise.resolve() : startOpenJobs().catch(failed)))

  function tick(): void {
    if (isClosed) return
    starting.run()
    timer = startTimer(tickMs, clock, tick)
  }

  tick()
  return {
    runsHere: () => hasLock === true,
    add: async () => starting.run(),
    cancel: (id) => runs.stop(id, canceled),
    close: async () => {
      isClosed = true
      timer?.[Symbol.dispose]()
      await starting.idle()
      await runs.stopAll(handedBack)
      lock.release()
    },
  }
}
