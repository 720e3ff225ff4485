import { AppError } from "../../errors.ts"
import { type Clock, startTimer } from "../../lib/time.ts"
import type { JobEvent } from "../job-event.ts"
import { coalesce } from "./coalesce.ts"
import type { Engine, ProcessLock, RunJob } from "./engine.ts"

/** How often the open jobs are read, to find those that another process has stored, or that a failed database has stopped. */
const tickMs = 2000

const handedBack = new AppError(
  "draining",
  "Cannot continue the job here because the service is shutting down",
)
const canceled = new AppError("disconnected", "Cannot continue the job because it was canceled")

/**
 * Runs the open jobs of a database in this process, the unfinished jobs of an earlier process included. Only one process may
 * do so, or else each would take every job from the other: the lock decides which. When that process ends, the next takes over.
 */
export function createLocalEngine(deps: {
  /** The ids of the first open jobs, in the order in which they should run. */
  readonly open: (limit: number) => Promise<readonly string[]>
  readonly run: RunJob
  /** How many jobs run concurrently. */
  readonly concurrency: number
  readonly lock: ProcessLock
  readonly clock: Clock
  readonly onEvent: (event: JobEvent) => void
}): Engine & { readonly hasLock: () => boolean } {
  const { open, run, concurrency, lock, clock, onEvent } = deps
  const running = new Map<string, { readonly end: AbortController; readonly ended: Promise<void> }>()
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

  const start = (id: string) => {
    const end = new AbortController()
    const ended = (async () => {
      try {
        await run(id, end.signal)
        running.delete(id)
        starting.run()
      } catch (error) {
        // The next tick repeats the run.
        running.delete(id)
        failed(error)
      }
    })()
    running.set(id, { end, ended })
  }

  /** Starts open jobs until as many run as may. */
  const startOpenJobs = async () => {
    if (running.size >= concurrency || !takeLock()) return
    // The first of them may be running already.
    const ids = await open(2 * concurrency)
    isFailing = false
    for (const id of ids) {
      if (isClosed || running.size >= concurrency) return
      if (!running.has(id)) start(id)
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
    hasLock: () => hasLock === true,
    add: async () => starting.run(),
    cancel: async (id) => {
      const found = running.get(id)
      found?.end.abort(canceled)
      await found?.ended
    },
    close: async () => {
      isClosed = true
      timer?.[Symbol.dispose]()
      await starting.idle()
      const runs = [...running.values()]
      for (const { end } of runs) end.abort(handedBack)
      await Promise.all(runs.map(({ ended }) => ended))
      lock.release()
    },
  }
}
