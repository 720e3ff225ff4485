import {
  type Db,
  MongoAPIError,
  MongoClient,
  MongoError,
  MongoNotConnectedError,
  MongoServerError,
  MongoTopologyClosedError,
} from "mongodb"
import { AppError } from "../../errors.ts"
import { type Clock, TimedOut, withTimeout } from "../../lib/time.ts"

export type MongoDatabase = {
  readonly db: Db
  /**
   * Runs one step on the database. Rejects with `database_unavailable` if the server cannot be reached, refuses to work,
   * or does not respond within four seconds; whether a write has taken effect is then unknown.
   */
  attempt<T>(what: string, step: () => Promise<T>): Promise<T>
  ping(): Promise<void>
  close(): Promise<void>
}

/**
 * The limit for selecting a server, for connecting and for the response, each. Half of a caller's deadline, because the
 * driver retries once. The driver's own `timeoutMS` would cover everything in one number, but has no effect on Bun.
 */
const timeoutMs = 2_000

/** The limit for the sum of the driver's timeouts, e.g. of a retry that has to reconnect. */
const deadlineMs = 4_000

const databaseName = "mailchimp_export"

/**
 * A database of a MongoDB server: the one named in the URI, or `mailchimp_export`. Connects with the first call, so that a
 * server that is down fails that call instead of the start, and reconnects when necessary. Throws if the URI is invalid.
 */
export function openDatabase(uri: string, clock: Clock): MongoDatabase {
  const client = new MongoClient(uri, {
    appName: "mailchimp-export",
    serverSelectionTimeoutMS: timeoutMs,
    connectTimeoutMS: timeoutMs,
    socketTimeoutMS: timeoutMs,
    waitQueueTimeoutMS: timeoutMs,
    ignoreUndefined: true,
  })
  const db = client.db(namesDatabase(uri) ? undefined : databaseName)

  /**
   * An operation connects implicitly only once: if that fails because the server is not up yet, the driver fails all later
   * operations too. `connect()` retries, and does nothing once it has succeeded.
   */
  async function connected<T>(step: () => Promise<T>): Promise<T> {
    await client.connect()
    return step()
  }

  async function attempt<T>(what: string, step: () => Promise<T>): Promise<T> {
    try {
      return await withTimeout(() => connected(step), { timeoutMs: deadlineMs, clock })
    } catch (cause) {
      if (!isUnavailable(cause)) throw cause
      throw new AppError("database_unavailable", `Cannot ${what} because the database does not respond`, {
        retryAfterS: 5,
        cause,
      })
    }
  }

  return {
    db,
    attempt,
    ping: () =>
      attempt("reach the database", async () => {
        await db.command({ ping: 1 })
      }),
    close: () => client.close(),
  }
}

/** False if a unique index refuses the document (11000, "duplicate key"): only one of several concurrent inserts is true. */
export async function isInserted(insertion: Promise<unknown>): Promise<boolean> {
  try {
    await insertion
    return true
  } catch (error) {
    if (error instanceof MongoServerError && error.code === 11_000) return false
    throw error
  }
}

/**
 * Creates an index before a write, until that has succeeded once. Writes do not share an attempt: creating the index again
 * is harmless, but waiting for an attempt that hangs in an outage would last longer than the outage.
 */
export function createEnsureIndexes(create: () => Promise<unknown>): () => Promise<void> {
  let isDone = false
  return async () => {
    if (isDone) return
    await create()
    isDone = true
  }
}

/** Parses the URI, because the driver's default, `test`, looks like a database of that name. */
function namesDatabase(uri: string): boolean {
  return /^mongodb(\+srv)?:\/\/[^/?]+\/[^?]/.test(uri)
}

/**
 * Error codes of a server that responds but cannot work: shutting down, stepping down, out of time or disk, or refusing
 * our credentials (https://www.mongodb.com/docs/manual/reference/error-codes/).
 */
const unavailableCodes = new Set([
  6, 7, 13, 18, 50, 64, 89, 91, 100, 189, 202, 262, 9001, 10107, 11600, 11602, 13435, 13436, 14031,
])

/**
 * All errors of the driver except our own mistakes (`MongoAPIError`) and commands that the server rejects. A failed name
 * lookup is a system error.
 */
function isUnavailable(error: unknown): boolean {
  // The driver says of all that can happen to `insertMany` that the server rejected it, and keeps what it was.
  if (error instanceof MongoServerError && error.errorResponse instanceof Error)
    return isUnavailable(error.errorResponse)
  if (error instanceof MongoServerError) return unavailableCodes.has(Number(error.code))
  if (error instanceof MongoNotConnectedError || error instanceof MongoTopologyClosedError) return true
  if (error instanceof MongoError) return !(error instanceof MongoAPIError)
  return error instanceof TimedOut || (error instanceof Error && "syscall" in error)
}
