import { Database, SQLiteError } from "bun:sqlite"
import type { ProcessLock } from "../../jobs/engine/engine.ts"

/**
 * A lock that one process has at a time, for as long as it lives: the operating system releases it even after a kill -9. The
 * lock is an exclusive transaction on a file of its own beside the database, which is never written.
 */
export function createProcessLock(path: string): ProcessLock {
  let held: Database | undefined
  return {
    acquire: () => {
      if (held !== undefined) return true
      const database = new Database(path, { strict: true })
      try {
        database.run("BEGIN EXCLUSIVE")
        held = database
        return true
      } catch (error) {
        database.close()
        if (error instanceof SQLiteError && error.code?.startsWith("SQLITE_BUSY")) return false
        throw error
      }
    },
    release: () => {
      held?.close()
      held = undefined
    },
  }
}
