import { join } from "node:path"
import { type Db, MongoClient } from "mongodb"
import type { Clock } from "../../src/lib/time.ts"
import { openStorage, type Storage, type StorageOptions } from "../../src/storage/storage.ts"
import { mongodb, type MongodbServer } from "./mongodb.ts"
import { temporaryFolder } from "./temporary-folder.ts"

/** One new database, opened any number of times: each time by its own client, as another replica does. */
export type StorageUnderTest = {
  open(): Promise<Storage>
  /** Closes everything that was opened. */
  close(): Promise<void>
}

export type SqliteUnderTest = StorageUnderTest & { readonly path: string }
export type MongoUnderTest = StorageUnderTest & { readonly uri: string }

export function sqliteUnderTest(clock?: Clock): SqliteUnderTest {
  const folder = temporaryFolder()
  const path = join(folder.path, "export.sqlite")
  return { path, ...openMany({ sqlitePath: path, ...(clock && { clock }) }, folder.remove) }
}

export async function mongoUnderTest(
  server: MongodbServer = mongodb,
  clock?: Clock,
): Promise<MongoUnderTest> {
  const uri = await server.newUri()
  return {
    uri,
    ...openMany({ mongodbUri: uri, ...(clock && { clock }) }, () =>
      withRawMongo(uri, async (db) => void (await db.dropDatabase())),
    ),
  }
}

function openMany(options: StorageOptions, cleanUp: () => void | Promise<void>): StorageUnderTest {
  const opened: Storage[] = []
  return {
    open: async () => {
      const storage = await openStorage(options)
      opened.push(storage)
      return storage
    },
    close: async () => {
      await Promise.all(opened.map((storage) => storage.close()))
      await cleanUp()
    },
  }
}

/** The database as the plain driver sees it. */
export async function withRawMongo<T>(uri: string, look: (db: Db) => Promise<T>): Promise<T> {
  const client = new MongoClient(uri)
  try {
    return await look(client.db())
  } finally {
    await client.close()
  }
}
