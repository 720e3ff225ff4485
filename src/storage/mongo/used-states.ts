import type { UsedStateStore } from "../../connections/connection.ts"
import type { Clock } from "../../lib/time.ts"
import { collectionNames } from "./collections.ts"
import { isInserted, type MongoDatabase } from "./database.ts"

const purgeEveryMs = 60_000

/**
 * Used states in the collection `integrations.mailchimp.used_state`, one document each; the unique `_id` decides. A use
 * never replaces an expired state: deleting and inserting are two steps, between which two racing callers could both win.
 * Expired states are purged concurrently with a use, once a minute at most.
 */
export function createMongoUsedStates({ db, attempt }: MongoDatabase, clock: Clock): UsedStateStore {
  const collection = db.collection<{ _id: string; expires_at: Date }>(collectionNames.usedStates)
  let purgedAtMs = -Infinity

  async function purgeIfDue(): Promise<void> {
    if (clock.monotonicMs() - purgedAtMs < purgeEveryMs) return
    purgedAtMs = clock.monotonicMs()
    await collection.deleteMany({ expires_at: { $lte: new Date(clock.now()) } })
  }

  return {
    use: (id, expiresAt) =>
      attempt("use the state", async () => {
        // A failed purge does not fail this use: a later purge deletes the same states.
        const insertion = collection.insertOne({ _id: id, expires_at: expiresAt })
        const [isFirst] = await Promise.all([isInserted(insertion), purgeIfDue().catch(() => {})])
        return isFirst
      }),
  }
}
