import { webhookStoreContract } from "../../contracts/webhook-store.ts"
import { sqliteUnderTest } from "../../support/storage-under-test.ts"

webhookStoreContract("SQLite, plain", () => {
  const storage = sqliteUnderTest()
  return { open: async () => (await storage.open()).webhooks, close: storage.close }
})
