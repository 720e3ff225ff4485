import type { ConnectionStore, UsedStateStore } from "../connections/connection.ts"
import { type Clock, systemClock } from "../lib/clock.ts"
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
  if ("mongodbUri" in options) throw new Error("not yet")
  const database = openSqlite(options.sqlitePath)
  return {
    connections: createSqliteConnections(database),
    usedStates: createSqliteUsedStates(database, clock),
    ping: () => pingSqlite(database),
    close: async () => database.close(),
  }
}
