import type { ConnectionStore, UsedStateStore } from "../connections/connection.ts"
import { type Clock, systemClock } from "../lib/time.ts"
import { createSqliteConnections } from "./sqlite/connections.ts"
import { createAttempt, createPing, openDatabase } from "./sqlite/database.ts"
import { createSqliteUsedStates } from "./sqlite/used-states.ts"

/** All stores, of whichever database. Tokens are stored as given: see `createSealedConnections`. */
export type Storage = {
  readonly connections: ConnectionStore
  readonly usedStates: UsedStateStore
  /** Resolves when the database responds; rejects with `database_unavailable`. */
  ping(): Promise<void>
  close(): Promise<void>
}

export type StorageOptions = ({ readonly mongodbUri: string } | { readonly sqlitePath: string }) & {
  readonly clock?: Clock
}

/**
 * Opens the embedded database, whose file is created if it is missing, or a MongoDB. Rejects if the file cannot be
 * opened. If the MongoDB server cannot be reached, the single calls reject until it can.
 */
export async function openStorage(options: StorageOptions): Promise<Storage> {
  const clock = options.clock ?? systemClock
  return "mongodbUri" in options
    ? openMongoStorage(options.mongodbUri, clock)
    : openSqliteStorage(options.sqlitePath, clock)
}

/** MongoDB's driver takes 35 MB of memory, so it is loaded only if it is used. */
async function openMongoStorage(uri: string, clock: Clock): Promise<Storage> {
  const [{ openDatabase }, { createMongoConnections }, { createMongoUsedStates }] = await Promise.all([
    import("./mongo/database.ts"),
    import("./mongo/connections.ts"),
    import("./mongo/used-states.ts"),
  ])
  const database = openDatabase(uri, clock)
  return {
    connections: createMongoConnections(database),
    usedStates: createMongoUsedStates(database, clock),
    ping: database.ping,
    close: database.close,
  }
}

function openSqliteStorage(path: string, clock: Clock): Storage {
  const database = openDatabase(path)
  const attempt = createAttempt(clock)
  return {
    connections: createSqliteConnections(database, attempt),
    usedStates: createSqliteUsedStates(database, attempt, clock),
    ping: createPing(database, path, attempt, clock),
    close: async () => database.close(),
  }
}
