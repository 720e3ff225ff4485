import { createHash } from "node:crypto"
import type { Owner } from "../connections/connection.ts"
import { AppError } from "../errors.ts"
import type { Clock } from "../lib/time.ts"
import { endTimes } from "./end-times.ts"
import type { Engine } from "./engine/engine.ts"
import type { JobEvent } from "./job-event.ts"
import type { Job, JobRequest, JobStore } from "./job.ts"

/** How long an idempotency key holds. */
const keyHoldsMs = 24 * 3_600_000

/** Starts a job, or finds the one that the same owner has started with the same key. */
export type StartJob = (start: {
  readonly owner: Owner
  readonly connectionId: string
  readonly request: JobRequest
  readonly idempotencyKey: string | undefined
}) => Promise<Job>

export function createStartJob(deps: {
  readonly jobs: Pick<JobStore, "insert" | "find" | "findByRequestKey" | "freeRequestKey" | "cancel">
  readonly engine: Pick<Engine, "add">
  readonly retentionMs: number
  readonly clock: Clock
  readonly onEvent: (event: JobEvent) => void
  readonly createId?: () => string
}): StartJob {
  const { jobs, engine, retentionMs, clock, onEvent, createId = createJobId } = deps

  /** If the engine has the job run nevertheless, the run finds nothing to do. The same key starts another job. */
  const giveUp = async ({ id, requestKey, createdAt }: Job) => {
    await jobs.cancel(id, endTimes(clock, retentionMs))
    await jobs.freeRequestKey(requestKey, createdAt)
  }

  return async ({ owner, connectionId, request, idempotencyKey }) => {
    const id = createId()
    const requestKey = idempotencyKey === undefined ? id : requestKeyOf(owner, idempotencyKey)
    const createdAt = new Date(clock.now())
    if (idempotencyKey !== undefined)
      await jobs.freeRequestKey(requestKey, new Date(createdAt.getTime() - keyHoldsMs))
    const isNew = await jobs.insert({ id, owner, connectionId, requestKey, request, createdAt })
    if (isNew) onEvent({ type: "job_queued", jobId: id })
    const job = await (isNew ? jobs.find(id) : jobs.findByRequestKey(requestKey))
    if (job === undefined) throw new AppError("job_not_found", "Cannot start the job because it was deleted")
    if (!isNew) refuseOtherRequest(job, { connectionId, request })
    // Also for a job that was stored before: the process may have ended before it had the job run.
    await engine.add(job).catch(async (error: unknown) => {
      if (isNew) await giveUp(job)
      throw error
    })
    return job
  }
}

/** 128 random bits. Neither a whole number nor with a colon, because queues refuse such ids. */
function createJobId(): string {
  return `job_${crypto.getRandomValues(new Uint8Array(16)).toHex()}`
}

/** A digest, because two owners may use the same key, and a key may be long. */
function requestKeyOf({ accountId, uid }: Owner, idempotencyKey: string): string {
  return createHash("sha256")
    .update(JSON.stringify([accountId, uid, idempotencyKey]))
    .digest("hex")
}

function refuseOtherRequest(job: Job, other: Pick<Job, "connectionId" | "request">): void {
  if (job.connectionId === other.connectionId && Bun.deepEquals(job.request, other.request)) return
  throw new AppError(
    "idempotency_key_reused",
    "Cannot start the job because its Idempotency-Key was used for another request: send another key",
  )
}
