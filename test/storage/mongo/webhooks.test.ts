import { webhookStoreContract } from "../../contracts/webhook-store.ts"
import { describeWithMongodb } from "../../support/mongodb.ts"
import { mongoUnderTest } from "../../support/storage-under-test.ts"

webhookStoreContract(
  "MongoDB, plain",
  async () => {
    const storage = await mongoUnderTest()
    return { open: async () => (await storage.open()).webhooks, close: storage.close }
  },
  describeWithMongodb,
)
