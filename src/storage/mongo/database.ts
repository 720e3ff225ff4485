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
import type { Clock } from "../../lib/clock.ts"
import { TimedOut, withTimeout } from "../../lib/with-timeout.ts"

export type MongoDatabase = {
  readonly db: Db
  /**
   * Runs one step on the database. Rejects with `database_unavailable` when the server cannot be reached, refuses to
   * work, or does not answer within four seconds; what a write has done by then is not known.
   */
  attempt<T>(what: string, step: () => Promise<T>): Promise<T>
  ping(): Promise<void>
  close(): Promise<void>
}

/**
 * Half of what a caller may wait, as the driver tries once more: selecting a server, connecting and the answer each
 * take so long at most. Its own `timeoutMS` would say it all in one number, but has no effect on Bun.
 */
const timeoutMs = 2_000

/** What the driver's times may add up to, such as a retry that has to connect again. */
const deadlineMs = 4_000

const databaseName = "mailchimp_export"

/**
 * A database of a MongoDB server: the one that the URI names, else `mailchimp_export`. Connects with the first call, so
 * that a server that is down is the trouble of that call and not of the start, and again whenever it has to.
 * Throws for a URI that is none.
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
   * An operation connects by itself only once: when that fails, as the server is not up yet, the driver fails all that
   * come later too. `connect()` tries again, and does nothing once it has succeeded.
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
      throw new AppError("database_unavailable", `Cannot ${what} as the database does not answer`, {
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

/** False where a unique index refuses the document (11000, "duplicate key"): of several at once, one is true. */
export async function isInserted(insertion: Promise<unknown>): Promise<boolean> {
  try {
    await insertion
    return true
  } catch (error) {
    if (error instanceof MongoServerError && error.code === 11_000) return false
    throw error
  }
}

/** The driver's default, `test`, cannot be told from a database that is named so. */
function namesDatabase(uri: string): boolean {
  return /^mongodb(\+srv)?:\/\/[^/?]+\/[^?]/.test(uri)
}

/**
 * Codes of a server that is there but cannot work: it shuts down, steps down, runs out of time or disk, or does not let
 * us in (https://www.mongodb.com/docs/manual/reference/error-codes/).
 */
const unavailableCodes = new Set([
  6, 7, 13, 18, 50, 64, 89, 91, 100, 189, 202, 262, 9001, 10107, 11600, 11602, 13435, 13436, 14031,
])

/**
 * All that the driver throws but what we did wrong ourselves (its API errors), and a server's no to a command. Resolving
 * a name fails with an error of the system.
 */
function isUnavailable(error: unknown): boolean {
  if (error instanceof MongoServerError) return unavailableCodes.has(Number(error.code))
  if (error instanceof MongoNotConnectedError || error instanceof MongoTopologyClosedError) return true
  if (error instanceof MongoError) return !(error instanceof MongoAPIError)
  return error instanceof TimedOut || (error instanceof Error && "syscall" in error)
}
