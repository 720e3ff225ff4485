import { Database } from "bun:sqlite"
import { join } from "node:path"
import { openStorage, type Storage } from "../../../src/storage/storage.ts"
import { usedStateStoreContract } from "../../contracts/used-state-store.ts"
import { temporaryFolder } from "../../support/temporary-folder.ts"

usedStateStoreContract("SQLite", (clock) => {
  const folder = temporaryFolder()
  const sqlitePath = join(folder.path, "export.sqlite")
  const opened: Storage[] = []
  return {
    open: () => {
      const storage = openStorage({ sqlitePath, clock })
      opened.push(storage)
      return storage.usedStates
    },
    count: async () => {
      using raw = new Database(sqlitePath, { readonly: true })
      const row = raw.query<{ count: number }, []>("SELECT count(*) AS count FROM used_states").get()
      return row?.count ?? 0
    },
    close: async () => {
      await Promise.all(opened.map((storage) => storage.close()))
      folder.remove()
    },
  }
})
