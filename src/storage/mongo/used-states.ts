import type { UsedStateStore } from "../../connections/connection.ts"
import type { Clock } from "../../lib/clock.ts"
import { isInserted, type MongoDatabase } from "./database.ts"

const sweepEveryMs = 60_000

/**
 * Used states in the collection `integrations.mailchimp.used_state`, a document each, decided by its `_id`. One that has
 * expired is never taken over by the next use, only swept: deleting and inserting again is two steps, and between those
 * of two racing callers both could win. The sweep runs beside a use, once a minute at most.
 */
export function createMongoUsedStates({ db, attempt }: MongoDatabase, clock: Clock): UsedStateStore {
  const collection = db.collection<{ _id: string; expires_at: Date }>("integrations.mailchimp.used_state")
  let sweptAtMs = -Infinity

  async function sweepIfDue(): Promise<void> {
    if (clock.monotonicMs() - sweptAtMs < sweepEveryMs) return
    sweptAtMs = clock.monotonicMs()
    await collection.deleteMany({ expires_at: { $lte: new Date(clock.now()) } })
  }

  return {
    use: (id, expiresAt) =>
      attempt("use the state", async () => {
        // A sweep that fails is no failure of this use: the next one sweeps the more.
        const insertion = collection.insertOne({ _id: id, expires_at: expiresAt })
        const [isFirst] = await Promise.all([isInserted(insertion), sweepIfDue().catch(() => {})])
        return isFirst
      }),
  }
}
