import { Database } from "bun:sqlite"
import { usedStateStoreContract } from "../../contracts/used-state-store.ts"
import { sqliteUnderTest } from "../../support/storage-under-test.ts"

usedStateStoreContract("SQLite", (clock) => {
  const storage = sqliteUnderTest(clock)
  return {
    open: async () => (await storage.open()).usedStates,
    count: async () => {
      using raw = new Database(storage.path, { readonly: true })
      return raw.query("SELECT * FROM used_states").all().length
    },
    close: storage.close,
  }
})
