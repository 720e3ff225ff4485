import type { ConnectionStore, UsedStateStore } from "../connections/connection.ts"
import { type Clock, systemClock } from "../lib/clock.ts"
import { createMongoConnections } from "./mongo/connections.ts"
import { openDatabase as openMongo } from "./mongo/database.ts"
import { createMongoUsedStates } from "./mongo/used-states.ts"
import { createSqliteConnections } from "./sqlite/connections.ts"
import { openDatabase as openSqlite, ping as pingSqlite } from "./sqlite/database.ts"
import { createSqliteUsedStates } from "./sqlite/used-states.ts"

/** Everything that is stored, whichever database stores it. Tokens are stored as given: see `createSealedConnections`. */
export type Storage = {
  readonly connections: ConnectionStore
  readonly usedStates: UsedStateStore
  /** Resolves when the database answers; rejects with `database_unavailable`. */
  ping(): Promise<void>
  close(): Promise<void>
}

export type StorageOptions = ({ readonly mongodbUri: string } | { readonly sqlitePath: string }) & {
  readonly clock?: Clock
}

/**
 * Opens the embedded database, a file that is made where it is not there, or a MongoDB. A file that cannot be opened
 * throws now; a server that cannot be reached rejects later, call by call, until it can.
 */
export function openStorage(options: StorageOptions): Storage {
  const clock = options.clock ?? systemClock
  return "mongodbUri" in options
    ? openMongoStorage(options.mongodbUri, clock)
    : openSqliteStorage(options.sqlitePath, clock)
}

function openMongoStorage(uri: string, clock: Clock): Storage {
  const database = openMongo(uri, clock)
  return {
    connections: createMongoConnections(database),
    usedStates: createMongoUsedStates(database, clock),
    ping: database.ping,
    close: database.close,
  }
}

function openSqliteStorage(path: string, clock: Clock): Storage {
  const database = openSqlite(path)
  return {
    connections: createSqliteConnections(database),
    usedStates: createSqliteUsedStates(database, clock),
    ping: () => pingSqlite(database),
    close: async () => database.close(),
  }
}
