import { type ConnectionOptions, Queue } from "bullmq"
import { AppError } from "../../../errors.ts"
import { type Clock, within } from "../../../lib/time.ts"
import type { OpenJob } from "../../job.ts"

/** Where the ids of jobs wait in Redis. */
export const queueName = "export-jobs"
export const queueKeys = { prefix: "mailchimp-export" }

/** A connection to Redis, whose commands wait until Redis responds. */
export type QueueConnection = {
  readonly client: ConnectionOptions
  /** Calls the listener each time that Redis can be used: now, and when it comes back. */
  onReady(listener: () => void): void
}

/** How long a caller waits for Redis. */
const addMs = 3000

/** How many jobs one command adds. */
const bulkSize = 500

/** The lowest priority that the queue knows. */
const lowestPriority = 2_097_151

/** Adding a job that the queue has already changes nothing. */
export type JobQueue = {
  /** @throws AppError `queue_unavailable` if Redis does not respond. It may have the job nevertheless, or get it later. */
  add(job: OpenJob): Promise<void>
  /** Waits until Redis responds. */
  addAll(jobs: readonly OpenJob[]): Promise<void>
  countWorkers(): Promise<number>
}

export function createJobQueue(
  { client }: QueueConnection,
  { clock, onError }: { readonly clock: Clock; readonly onError: (error: unknown) => void },
): JobQueue {
  const queue = new Queue(queueName, { ...queueKeys, connection: client })
  // An error without a listener is printed.
  queue.on("error", onError)

  const addAll = async (jobs: readonly OpenJob[]) => {
    for (let at = 0; at < jobs.length; at += bulkSize)
      await queue.addBulk(jobs.slice(at, at + bulkSize).map(toQueued))
  }

  return {
    add: async (job) => {
      let cause: unknown
      try {
        const isAdded = await within(
          addAll([job]).then(() => true),
          addMs,
          clock,
        )
        if (isAdded) return
      } catch (error) {
        cause = error
      }
      throw new AppError(
        "queue_unavailable",
        "Cannot start the job because Redis does not respond: start it again later",
        { cause, retryAfterS: 5 },
      )
    },
    addAll,
    countWorkers: () => queue.getWorkersCount(),
  }
}

/** The record has everything else, so a job that has ended leaves nothing in Redis, and its id can be added again. */
function toQueued({ id, openBefore }: OpenJob) {
  const priority = Math.min(openBefore + 1, lowestPriority)
  return {
    name: "export",
    data: {},
    opts: { jobId: id, priority, removeOnComplete: true, removeOnFail: true },
  }
}
