import { jobStoreContract } from "../../contracts/job-store.ts"
import { sqliteUnderTest } from "../../support/storage-under-test.ts"

jobStoreContract("SQLite", () => {
  const storage = sqliteUnderTest()
  return { open: async () => (await storage.open()).jobs, close: storage.close }
})
