import { webhookStoreContract } from "../../contracts/webhook-store.ts"
import { mongodbServers } from "../../support/mongodb.ts"
import { mongoUnderTest } from "../../support/storage-under-test.ts"

for (const server of mongodbServers)
  webhookStoreContract(
    `${server.name}, plain`,
    async () => {
      const storage = await mongoUnderTest(server)
      return { open: async () => (await storage.open()).webhooks, close: storage.close }
    },
    server.describe,
  )
