import { type Clock, startTimer } from "../../../lib/time.ts"
import type { OpenJob } from "../../job.ts"
import { coalesce } from "../coalesce.ts"
import type { JobQueue, QueueConnection } from "./queue.ts"

/** How often all open jobs are added, in case that a process crashed between storing a job and adding it. */
const everyMs = 5 * 60_000
/** The same, after a failure of the database. */
const retryMs = 10_000

/** More than a database ever has open. */
const all = 1_000_000

/**
 * Adds all open jobs to the queue now, whenever Redis comes back, because it may have lost its data, and now and then.
 * The queue leaves the jobs that it has already as they are.
 */
export function keepAddingOpenJobs(deps: {
  readonly open: (limit: number) => Promise<readonly OpenJob[]>
  readonly queue: Pick<JobQueue, "addAll">
  readonly connection: Pick<QueueConnection, "onReady">
  readonly clock: Clock
  readonly onError: (error: unknown) => void
}): Disposable {
  const { open, queue, connection, clock, onError } = deps
  let timer: Disposable | undefined
  let isOver = false

  const adding = coalesce(async () => {
    timer?.[Symbol.dispose]()
    let nextMs = everyMs
    try {
      if (!isOver) await queue.addAll(await open(all))
    } catch (error) {
      onError(error)
      nextMs = retryMs
    }
    if (!isOver) timer = startTimer(nextMs, clock, adding.run)
  })

  connection.onReady(adding.run)
  return {
    [Symbol.dispose]: () => {
      isOver = true
      timer?.[Symbol.dispose]()
    },
  }
}
