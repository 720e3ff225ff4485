import { deliveryStoreContract } from "../../contracts/delivery-store.ts"
import { mongodbServers } from "../../support/mongodb.ts"
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
