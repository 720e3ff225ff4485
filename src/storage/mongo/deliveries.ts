import { ObjectId } from "mongodb"
import { z } from "zod"
import type { Clock } from "../../lib/time.ts"
import type { DeliveryStore, StoredDelivery } from "../../webhooks/delivery.ts"
import { deliveryKinds } from "../delivery-kinds.ts"
import { parseStored } from "../parse-stored.ts"
import { collectionNames } from "./collections.ts"
import { createEnsureIndexes, type MongoDatabase } from "./database.ts"

const purgeEveryMs = 60_000

/**
 * After this time the server aborts a query. Shorter than the driver's timeout: after that the driver would send the query
 * again while the server still works on the first one, so a server that is too slow would become slower and slower.
 */
const maxTimeMS = 1_800

const documentSchema = z.object({
  _id: z.instanceof(ObjectId),
  connection_id: z.string(),
  list_id: z.string(),
  kind: deliveryKinds,
  member_id: z.string().exactOptional(),
  new_member_id: z.string().exactOptional(),
  arrived_at: z.number(),
})

/**
 * Deliveries in the collection `integrations.mailchimp.delivery`, one document each. What has expired is purged concurrently
 * with an insert, once a minute at most.
 */
export function createMongoDeliveries(
  { db, attempt }: MongoDatabase,
  { clock, retentionS }: { readonly clock: Clock; readonly retentionS: number },
): DeliveryStore {
  const collection = db.collection(collectionNames.deliveries, {
    // The response to Mailchimp promises that a crash of the database loses nothing.
    writeConcern: { w: "majority", journal: true },
  })
  const ensureIndexes = createEnsureIndexes(async () => {
    await collection.createIndex({ connection_id: 1, arrived_at: 1, _id: 1 })
    await collection.createIndex({ arrived_at: 1 })
  })
  const expired = () => Math.floor(clock.now() / 1000) - retentionS
  let purgedAtMs = -Infinity

  async function purgeIfDue(): Promise<void> {
    if (clock.monotonicMs() - purgedAtMs < purgeEveryMs) return
    purgedAtMs = clock.monotonicMs()
    await collection.deleteMany({ arrived_at: { $lt: expired() } })
  }

  return {
    insert: (deliveries) =>
      attempt("store the delivery", async () => {
        await ensureIndexes()
        const insertion = collection.insertMany(
          deliveries.map(({ connectionId, listId, kind, memberId, newMemberId, arrivedAt }) => ({
            connection_id: connectionId,
            list_id: listId,
            kind,
            member_id: memberId,
            new_member_id: newMemberId,
            arrived_at: arrivedAt,
          })),
        )
        // A failed purge does not fail this insert: a later purge deletes the same documents.
        await Promise.all([insertion, purgeIfDue().catch(() => {})])
      }),

    list: (connectionId, { arrivedAt, id }, limit) =>
      attempt("read the deliveries", async () => {
        const filter = {
          connection_id: connectionId,
          // Outside of the `$or`, so that every plan of the server begins there in the index.
          arrived_at: { $gte: Math.max(arrivedAt, expired()) },
          ...(id !== undefined && {
            $or: [{ arrived_at: { $gt: arrivedAt } }, { _id: { $gt: new ObjectId(id) } }],
          }),
        }
        const documents = collection.find(filter, {
          sort: { arrived_at: 1, _id: 1 },
          limit,
          // One response, because a server that restarts between two of them forgets the cursor.
          batchSize: limit,
          maxTimeMS,
        })
        return (await documents.toArray()).map(toDelivery)
      }),

    deleteOfConnection: (connectionId) =>
      attempt("delete the deliveries", async () => {
        await collection.deleteMany({ connection_id: connectionId })
      }),
  }
}

function toDelivery(document: unknown): StoredDelivery {
  const stored = parseStored(documentSchema, document, "a stored delivery")
  return {
    id: stored._id.toHexString(),
    connectionId: stored.connection_id,
    listId: stored.list_id,
    kind: stored.kind,
    arrivedAt: stored.arrived_at,
    ...(stored.member_id !== undefined && { memberId: stored.member_id }),
    ...(stored.new_member_id !== undefined && { newMemberId: stored.new_member_id }),
  }
}
