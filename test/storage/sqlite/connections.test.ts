import type { ConnectionStore } from "../../../src/connections/connection.ts"
import { connectionStoreRaces } from "../../contracts/connection-races.ts"
import { connectionStoreContract, type StoreUnderTest } from "../../contracts/connection-store.ts"
import { sqliteUnderTest } from "../../support/storage-under-test.ts"

function connectionsUnderTest(): StoreUnderTest<ConnectionStore> {
  const storage = sqliteUnderTest()
  return { open: async () => (await storage.open()).connections, close: storage.close }
}

connectionStoreContract("SQLite, plain", connectionsUnderTest)
connectionStoreRaces("SQLite", connectionsUnderTest)
