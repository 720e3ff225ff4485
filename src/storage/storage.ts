import type { ConnectionStore, UsedStateStore } from "../connections/connection.ts"
import type { ProcessLock } from "../jobs/engine/engine.ts"
import type { JobStore } from "../jobs/job.ts"
import { type Clock, systemClock } from "../lib/time.ts"
import type { DeliveryStore } from "../webhooks/delivery.ts"
import type { WebhookStore } from "../webhooks/webhook.ts"
import type { StoredSecrets } from "./reseal.ts"
import { createSqliteConnections } from "./sqlite/connections.ts"
import { createAttempt, createEmptyLog, createPing, openDatabase } from "./sqlite/database.ts"
import { createSqliteDeliveries } from "./sqlite/deliveries.ts"
import { createSqliteJobs } from "./sqlite/jobs.ts"
import { createProcessLock } from "./sqlite/process-lock.ts"
import { createSqliteSecrets } from "./sqlite/stored-secrets.ts"
import { createSqliteUsedStates } from "./sqlite/used-states.ts"
import { createSqliteWebhooks } from "./sqlite/webhooks.ts"

/**
 * All stores, of whichever database. Secrets are stored as given: see `createSealedConnections` and
 * `createSealedWebhooks`.
 */
export type Storage = {
  readonly connections: ConnectionStore
  readonly usedStates: UsedStateStore
  readonly webhooks: WebhookStore
  readonly deliveries: DeliveryStore
  readonly jobs: JobStore
  readonly secrets: StoredSecrets
  /** Lets one process run the jobs. Undefined if many processes share the database, which therefore need a queue. */
  readonly jobsLock: ProcessLock | undefined
  /** Removes from the database's files what was deleted from its tables. A server of its own does that by itself. */
  scrub(): Promise<void>
  /** Resolves when the database responds; rejects with `database_unavailable`. */
  ping(): Promise<void>
  close(): Promise<void>
}

export type StorageOptions = ({ readonly mongodbUri: string } | { readonly sqlitePath: string }) & {
  readonly clock?: Clock
  /** How long deliveries are kept; 30 days by default. */
  readonly deliveryRetentionS?: number
}

/**
 * Opens the embedded database, whose file is created if it is missing, or a MongoDB. Rejects if the file cannot be
 * opened. If the MongoDB server cannot be reached, the single calls reject until it can.
 */
export async function openStorage(options: StorageOptions): Promise<Storage> {
  const { clock = systemClock, deliveryRetentionS: retentionS = 30 * 86_400 } = options
  return "mongodbUri" in options
    ? openMongoStorage(options.mongodbUri, { clock, retentionS })
    : openSqliteStorage(options.sqlitePath, { clock, retentionS })
}

type Settings = { readonly clock: Clock; readonly retentionS: number }

/** MongoDB's driver takes 35 MB of memory, so it is loaded only if it is used. */
async function openMongoStorage(uri: string, settings: Settings): Promise<Storage> {
  const [database, connections, usedStates, webhooks, deliveries, jobs, secrets] = await Promise.all([
    import("./mongo/database.ts").then(({ openDatabase }) => openDatabase(uri, settings.clock)),
    import("./mongo/connections.ts"),
    import("./mongo/used-states.ts"),
    import("./mongo/webhooks.ts"),
    import("./mongo/deliveries.ts"),
    import("./mongo/jobs.ts"),
    import("./mongo/stored-secrets.ts"),
  ])
  return {
    connections: connections.createMongoConnections(database),
    usedStates: usedStates.createMongoUsedStates(database, settings.clock),
    webhooks: webhooks.createMongoWebhooks(database),
    deliveries: deliveries.createMongoDeliveries(database, settings),
    jobs: jobs.createMongoJobs(database),
    secrets: secrets.createMongoSecrets(database),
    jobsLock: undefined,
    scrub: async () => {},
    ping: database.ping,
    close: database.close,
  }
}

function openSqliteStorage(path: string, settings: Settings): Storage {
  const { clock } = settings
  const database = openDatabase(path)
  const attempt = createAttempt(clock)
  const jobsLock = createProcessLock(`${path}-jobs`)
  return {
    connections: createSqliteConnections(database, attempt),
    usedStates: createSqliteUsedStates(database, attempt, clock),
    jobs: createSqliteJobs(database, attempt),
    secrets: createSqliteSecrets(database, attempt),
    jobsLock,
    webhooks: createSqliteWebhooks(database, attempt),
    deliveries: createSqliteDeliveries(database, attempt, settings),
    scrub: createEmptyLog(database, attempt, clock),
    ping: createPing(database, path, attempt, clock),
    close: async () => {
      jobsLock.release()
      database.close()
    },
  }
}
