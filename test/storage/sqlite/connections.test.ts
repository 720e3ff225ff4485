import { join } from "node:path"
import { openStorage, type Storage } from "../../../src/storage/storage.ts"
import { connectionStoreContract } from "../../contracts/connection-store.ts"
import { temporaryFolder } from "../../support/temporary-folder.ts"

connectionStoreContract("SQLite, plain", () => {
  const folder = temporaryFolder()
  const opened: Storage[] = []
  return {
    open: () => {
      const storage = openStorage({ sqlitePath: join(folder.path, "export.sqlite") })
      opened.push(storage)
      return storage.connections
    },
    close: async () => {
      await Promise.all(opened.map((storage) => storage.close()))
      folder.remove()
    },
  }
})
