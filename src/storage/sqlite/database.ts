import { chmodSync, closeSync, mkdirSync, openSync, statSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { Database, SQLiteError } from "bun:sqlite"
import { AppError } from "../../errors.ts"
import type { Clock } from "../../lib/time.ts"

/** Each entry runs once, in order. Never change an entry: add a new one. */
const migrations = [
  `CREATE TABLE connections (
     revision TEXT PRIMARY KEY,
     id TEXT NOT NULL,
     account_id TEXT NOT NULL,
     owner TEXT NOT NULL,
     access_token TEXT NOT NULL,
     metadata TEXT NOT NULL,
     connected_at_ms INTEGER NOT NULL,
     token_invalidated INTEGER NOT NULL,
     UNIQUE (account_id, owner)
   ) STRICT;
   CREATE TABLE used_states (
     id TEXT PRIMARY KEY,
     expires_at_ms INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX used_states_by_expiry ON used_states (expires_at_ms);`,
  `ALTER TABLE connections ADD COLUMN disconnecting INTEGER NOT NULL DEFAULT 0;
   CREATE TABLE webhooks (
     secret_hash TEXT PRIMARY KEY,
     connection_id TEXT NOT NULL,
     account_id TEXT NOT NULL,
     owner TEXT NOT NULL,
     list_id TEXT NOT NULL,
     created_at_ms INTEGER NOT NULL,
     webhook_id TEXT,
     signing_secret TEXT
   ) STRICT;
   CREATE INDEX webhooks_by_connection ON webhooks (connection_id);
   CREATE TABLE deliveries (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     connection_id TEXT NOT NULL,
     list_id TEXT NOT NULL,
     kind TEXT NOT NULL,
     member_id TEXT,
     new_member_id TEXT,
     arrived_at INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX deliveries_by_connection ON deliveries (connection_id, arrived_at, id);
   CREATE INDEX deliveries_by_arrival ON deliveries (arrived_at);`,
]

/** Nothing else runs while the file is opened, so SQLite itself may wait for a lock. */
const openingBusyTimeoutMs = 1_000

/** How long a step waits for a lock of another process, and the longest pause between two attempts. */
const patienceMs = 3_000
const longestPauseMs = 50

/**
 * Opens the file, or creates it and its folder, readable by the owner only, and migrates the tables. Writes survive a
 * crash and a power failure (WAL, `synchronous=FULL`, https://sqlite.org/pragma.html#pragma_synchronous). Several processes
 * may share the file. Throws `database_unavailable` if the file cannot be opened.
 */
export function openDatabase(path: string): Database {
  return translateErrors("open the database", () => {
    const file = resolve(path)
    makePrivate(file)
    const database = new Database(file, { strict: true })
    try {
      database.run(`PRAGMA busy_timeout = ${openingBusyTimeoutMs}`)
      switchToWal(database)
      database.run("PRAGMA synchronous = FULL")
      // What is deleted is overwritten, so that a disconnected account leaves no bytes in free pages.
      database.run("PRAGMA secure_delete = ON")
      migrate(database)
      // From now on SQLite would block the JavaScript thread: 8 logins stopped all requests for 8 s.
      database.run("PRAGMA busy_timeout = 0")
    } catch (error) {
      database.close()
      throw error
    }
    return database
  })
}

/** SQLite does not wait for a lock here, whatever `busy_timeout` says, if another process switches at the same time. */
function switchToWal(database: Database): void {
  const endMs = performance.now() + openingBusyTimeoutMs
  for (;;) {
    try {
      database.run("PRAGMA journal_mode = WAL")
      return
    } catch (error) {
      if (!isBusy(error) || performance.now() >= endMs) throw error
      Bun.sleepSync(5)
    }
  }
}

/** Runs a step on the database. Rejects with `database_unavailable` if it is locked, full, unreadable or gone. */
export type Attempt = <T>(what: string, step: () => T) => Promise<T>

/** A step that meets a lock of another process is retried after a pause, during which all other work continues. */
export function createAttempt(clock: Clock, random: () => number = Math.random): Attempt {
  return async (what, step) => {
    const startedMs = clock.monotonicMs()
    for (;;) {
      try {
        return step()
      } catch (error) {
        const isOver = clock.monotonicMs() - startedMs >= patienceMs
        if (!isBusy(error) || isOver) return translateErrors(what, () => raise(error))
      }
      // With jitter, so that processes that wait for each other do not collide again.
      await clock.sleep(1 + random() * longestPauseMs)
    }
  }
}

/** How long to wait for other processes that still read the log when it is emptied. */
const emptyLogPatienceMs = 3_000

/**
 * Empties the write-ahead log, which still holds what was deleted. Gives up after three seconds if another process keeps
 * reading; the next call, or the next start, then does it.
 */
export function createEmptyLog(database: Database, attempt: Attempt, clock: Clock): () => Promise<void> {
  const checkpoint = database.query<{ busy: number }, []>("PRAGMA wal_checkpoint(TRUNCATE)")
  return async () => {
    const startedMs = clock.monotonicMs()
    for (;;) {
      const isBusy = await attempt("empty the log of the database", () => checkpoint.get()?.busy !== 0)
      if (!isBusy || clock.monotonicMs() - startedMs >= emptyLogPatienceMs) return
      await clock.sleep(longestPauseMs)
    }
  }
}

/** Anyone can request /readyz, and each check syncs to disk. */
const checkEveryMs = 1_000

/**
 * Checks that the file at `path` is the one that was opened, because a removed file accepts writes and loses them, and that
 * the file is writable, because a full disk can still be read. Checks at most once a second.
 */
export function createPing(
  database: Database,
  path: string,
  attempt: Attempt,
  clock: Clock,
): () => Promise<void> {
  const file = resolve(path)
  const { ino } = statSync(file)
  const rewrite = database.transaction(() => {
    const version = database.query<{ user_version: number }, []>("PRAGMA user_version").get()
    database.run(`PRAGMA user_version = ${version?.user_version ?? 0}`)
  })
  let checkedAtMs = -Infinity
  let result = Promise.resolve()

  return () => {
    if (clock.monotonicMs() - checkedAtMs < checkEveryMs) return result
    checkedAtMs = clock.monotonicMs()
    result = attempt("reach the database", () => {
      if (statSync(file).ino !== ino) {
        throw new AppError(
          "database_unavailable",
          "Cannot reach the database because its file was replaced",
          {
            retryAfterS: 5,
          },
        )
      }
      rewrite.immediate()
    })
    return result
  }
}

/** SQLite creates the -wal and -shm files with the mode of the database file. */
function makePrivate(file: string) {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  closeSync(openSync(file, "a", 0o600))
  chmodSync(file, 0o600)
}

function migrate(database: Database) {
  database
    .transaction(() => {
      const done =
        database.query<{ user_version: number }, []>("PRAGMA user_version").get()?.user_version ?? 0
      if (done > migrations.length) {
        throw new AppError(
          "internal_error",
          "Cannot open the database because a newer version of the service created it",
        )
      }
      for (const migration of migrations.slice(done)) database.run(migration)
      database.run(`PRAGMA user_version = ${migrations.length}`)
    })
    .immediate()
}

/** The primary codes of problems with the file or its disk, not with our statements. */
const unavailable =
  /^SQLITE_(BUSY|LOCKED|IOERR|FULL|CANTOPEN|READONLY|PERM|PROTOCOL|NOMEM|CORRUPT|NOTADB)(_|$)/

function isBusy(error: unknown): boolean {
  return error instanceof SQLiteError && /^SQLITE_BUSY(_|$)/.test(error.code ?? "")
}

function raise(error: unknown): never {
  throw error
}

function translateErrors<T>(what: string, step: () => T): T {
  try {
    return step()
  } catch (cause) {
    const code = codeOf(cause)
    if (code === undefined) throw cause
    throw new AppError(
      "database_unavailable",
      `Cannot ${what} because the database is not available: ${code}`,
      {
        retryAfterS: 5,
        cause,
      },
    )
  }
}

/** Undefined for errors that are not about the file or its disk. */
function codeOf(error: unknown): string | undefined {
  if (error instanceof SQLiteError) return unavailable.test(error.code ?? "") ? error.code : undefined
  const isFileSystemError = error instanceof Error && "syscall" in error && "code" in error
  return isFileSystemError ? String(error.code) : undefined
}
