import { usedStateStoreContract } from "../../contracts/used-state-store.ts"
import { describeWithMongodb } from "../../support/mongodb.ts"
import { mongoUnderTest, withRawMongo } from "../../support/storage-under-test.ts"

usedStateStoreContract(
  "MongoDB",
  async (clock) => {
    const storage = await mongoUnderTest(clock)
    return {
      open: async () => (await storage.open()).usedStates,
      count: () =>
        withRawMongo(storage.uri, (db) =>
          db.collection("integrations.mailchimp.used_state").countDocuments(),
        ),
      close: storage.close,
    }
  },
  describeWithMongodb,
)
