import { expect, test } from "bun:test"
import { type Document, MongoClient } from "mongodb"
import { systemClock } from "../../../src/lib/time.ts"
import { createMongoDeliveries } from "../../../src/storage/mongo/deliveries.ts"
import { deliveryStoreContract } from "../../contracts/delivery-store.ts"
import {
  describeWithMongodb,
  mongodbServers,
  mongodbStartTimeoutMs,
  newMongodbUri,
} from "../../support/mongodb.ts"
import { mongoUnderTest, withRawMongo } from "../../support/storage-under-test.ts"

for (const server of mongodbServers)
  deliveryStoreContract(
    server.name,
    async (clock) => {
      const storage = await mongoUnderTest(server, clock)
      return {
        open: async () => (await storage.open()).deliveries,
        count: () =>
          withRawMongo(storage.uri, (db) =>
            db.collection("integrations.mailchimp.delivery").countDocuments(),
          ),
        close: storage.close,
      }
    },
    server.describe,
  )

describeWithMongodb("the query for deliveries", () => {
  test(
    "is one request that begins at the position, and that the server aborts before the driver repeats it",
    async () => {
      const client = new MongoClient(await newMongodbUri(), { monitorCommands: true, ignoreUndefined: true })
      const db = client.db()
      const deliveries = createMongoDeliveries(
        { db, attempt: (_, step) => step(), ping: async () => {}, close: async () => {} },
        { clock: systemClock, retentionS: 86_400 },
      )
      const arrivedAt = Math.floor(systemClock.now() / 1000)
      const delivery = { connectionId: "c", listId: "l", kind: "profile", arrivedAt } as const
      try {
        await deliveries.insert(Array.from({ length: 300 }, () => delivery))
        const commands: Document[] = []
        client.on("commandStarted", ({ command }) => commands.push(command))
        const read = await deliveries.list("c", { arrivedAt }, 1000)
        expect(read).toHaveLength(300)
        expect(await deliveries.list("c", read[99]!, 1000)).toHaveLength(200)
        expect(commands).toEqual(
          Array.from({ length: 2 }, () =>
            expect.objectContaining({
              find: "integrations.mailchimp.delivery",
              filter: expect.objectContaining({ connection_id: "c", arrived_at: { $gte: arrivedAt } }),
              maxTimeMS: 1_800,
            }),
          ),
        )
      } finally {
        await db.dropDatabase()
        await client.close()
      }
    },
    mongodbStartTimeoutMs,
  )
})
