import { Database } from "bun:sqlite"
import { deliveryStoreContract } from "../../contracts/delivery-store.ts"
import { sqliteUnderTest } from "../../support/storage-under-test.ts"

deliveryStoreContract("SQLite", (clock) => {
  const storage = sqliteUnderTest(clock)
  return {
    open: async () => (await storage.open()).deliveries,
    count: async () => {
      using database = new Database(storage.path, { readonly: true })
      return (
        database.query<{ count: number }, []>("SELECT count(*) AS count FROM deliveries").get()?.count ?? 0
      )
    },
    close: storage.close,
  }
})
