import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { Database, SQLiteError } from "bun:sqlite"
import { AppError } from "../../errors.ts"

/** Each entry is run once, in order, and never changed again: a later need is a later entry. */
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
]

/** bun:sqlite waits on the JavaScript thread, so a lock that another process holds must not hold us for long. */
const busyTimeoutMs = 1_000

/**
 * Opens the file, or makes it with its folder, readable by its owner alone, and brings its tables up to date. What is
 * written survives a crash and a loss of power (WAL, `synchronous=FULL`, https://sqlite.org/pragma.html#pragma_synchronous).
 * Several processes may share the file. Throws `database_unavailable` when it cannot be opened.
 */
export function openDatabase(path: string): Database {
  return translateErrors("open the database", () => {
    const file = resolve(path)
    makePrivate(file)
    const database = new Database(file, { strict: true })
    try {
      database.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`)
      database.run("PRAGMA journal_mode = WAL")
      database.run("PRAGMA synchronous = FULL")
      migrate(database)
    } catch (error) {
      database.close()
      throw error
    }
    return database
  })
}

/** Runs a step on the database. Rejects with `database_unavailable` when it is locked, full, unreadable or gone. */
export async function attempt<T>(what: string, step: () => T): Promise<T> {
  return translateErrors(what, step)
}

/** Reads the first page of the file, not just a constant. */
export function ping(database: Database): Promise<void> {
  return attempt("reach the database", () => {
    database.query("PRAGMA schema_version").get()
  })
}

/** SQLite gives the files beside it (-wal, -shm) the mode of the database file itself. */
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
          "Cannot open the database as a newer version of the service made it",
        )
      }
      for (const migration of migrations.slice(done)) database.run(migration)
      database.run(`PRAGMA user_version = ${migrations.length}`)
    })
    .immediate()
}

/** The primary codes for what is the matter with the file or its disk, not with our statements. */
const unavailable =
  /^SQLITE_(BUSY|LOCKED|IOERR|FULL|CANTOPEN|READONLY|PERM|PROTOCOL|NOMEM|CORRUPT|NOTADB)(_|$)/

function translateErrors<T>(what: string, step: () => T): T {
  try {
    return step()
  } catch (cause) {
    const code = codeOf(cause)
    if (code === undefined) throw cause
    throw new AppError("database_unavailable", `Cannot ${what} as the database is not available: ${code}`, {
      retryAfterS: 5,
      cause,
    })
  }
}

/** Undefined for errors that are not about the file or its disk. */
function codeOf(error: unknown): string | undefined {
  if (error instanceof SQLiteError) return unavailable.test(error.code ?? "") ? error.code : undefined
  const isFileSystemError = error instanceof Error && "syscall" in error && "code" in error
  return isFileSystemError ? String(error.code) : undefined
}
