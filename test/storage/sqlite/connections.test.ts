import { connectionStoreContract } from "../../contracts/connection-store.ts"
import { sqliteUnderTest } from "../../support/storage-under-test.ts"

connectionStoreContract("SQLite, plain", () => {
  const storage = sqliteUnderTest()
  return { open: async () => (await storage.open()).connections, close: storage.close }
})
