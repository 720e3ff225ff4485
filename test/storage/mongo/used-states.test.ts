import { usedStateStoreContract } from "../../contracts/used-state-store.ts"
import { mongodbServers } from "../../support/mongodb.ts"
import { mongoUnderTest, withRawMongo } from "../../support/storage-under-test.ts"

for (const server of mongodbServers)
  usedStateStoreContract(
    server.name,
    async (clock) => {
      const storage = await mongoUnderTest(server, clock)
      return {
        open: async () => (await storage.open()).usedStates,
        count: () =>
          withRawMongo(storage.uri, (db) =>
            db.collection("integrations.mailchimp.used_state").countDocuments(),
          ),
        close: storage.close,
      }
    },
    server.describe,
  )
