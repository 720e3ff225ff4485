import { deliveryStoreContract } from "../../contracts/delivery-store.ts"
import { describeWithMongodb } from "../../support/mongodb.ts"
import { mongoUnderTest, withRawMongo } from "../../support/storage-under-test.ts"

deliveryStoreContract(
  "MongoDB",
  async (clock) => {
    const storage = await mongoUnderTest(clock)
    return {
      open: async () => (await storage.open()).deliveries,
      count: () =>
        withRawMongo(storage.uri, (db) => db.collection("integrations.mailchimp.delivery").countDocuments()),
      close: storage.close,
    }
  },
  describeWithMongodb,
)
