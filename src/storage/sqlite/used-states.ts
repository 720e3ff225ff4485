import type { Database } from "bun:sqlite"
import type { UsedStateStore } from "../../connections/connection.ts"
import type { Clock } from "../../lib/time.ts"
import type { Attempt } from "./database.ts"

/** Used states, one row each. Every use purges expired states. */
export function createSqliteUsedStates(database: Database, attempt: Attempt, clock: Clock): UsedStateStore {
  const insert = database.query("INSERT INTO used_states VALUES ($id, $expiresAtMs) ON CONFLICT DO NOTHING")
  const purge = database.query("DELETE FROM used_states WHERE expires_at_ms <= $nowMs")
  const use = database.transaction((id: string, expiresAtMs: number) => {
    purge.run({ nowMs: clock.now() })
    return insert.run({ id, expiresAtMs }).changes === 1
  })

  return {
    use: (id, expiresAt) => attempt("use the state", () => use.immediate(id, expiresAt.getTime())),
  }
}
