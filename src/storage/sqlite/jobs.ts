import type { Database } from "bun:sqlite"
import type { JobStore } from "../../jobs/job.ts"
import { parseJobSummary, toStoredProgress } from "../stored-job.ts"
import type { Attempt } from "./database.ts"
import { isOpen, toJob, toStored } from "./job-row.ts"
import { createSqliteRuns } from "./job-runs.ts"

const summaryColumns =
  "id, account_id, owner, connection_id, request_key, request, state, attempt, progress, error, created_at_ms, started_at_ms, ended_at_ms, expires_at_ms"

const nothingYet = JSON.stringify(toStoredProgress({ parts: [] }))

/** Jobs in one table, one row each. */
export function createSqliteJobs(database: Database, attempt: Attempt): JobStore {
  const insert = database.query(
    `INSERT INTO jobs (${summaryColumns}, parts, open_before)
     SELECT $id, $accountId, $uid, $connectionId, $requestKey, $request, 'queued', 0, $progress, NULL, $createdAtMs,
       NULL, NULL, NULL, '[]', (SELECT count(*) FROM jobs WHERE account_id = $accountId AND ${isOpen})
     WHERE true
     ON CONFLICT (request_key) DO NOTHING`,
  )
  const find = database.query("SELECT * FROM jobs WHERE id = $id")
  const findByKey = database.query("SELECT * FROM jobs WHERE request_key = $requestKey")
  const freeKey = database.query(
    "UPDATE jobs SET request_key = id WHERE request_key = $requestKey AND created_at_ms <= $untilMs",
  )
  const list = database.query(
    `SELECT ${summaryColumns} FROM jobs
     WHERE account_id = $accountId AND owner = $uid AND (created_at_ms, id) < ($beforeMs, $beforeId)
       AND (expires_at_ms IS NULL OR expires_at_ms > $nowMs)
     ORDER BY created_at_ms DESC, id DESC LIMIT $limit`,
  )
  const cancel = database.query(
    `UPDATE jobs SET state = 'canceled', error = NULL, progress = $progress, parts = '[]', columns = NULL,
       ended_at_ms = $endedAtMs, expires_at_ms = $expiresAtMs
     WHERE id = $id AND state <> 'canceled'`,
  )
  const requeue = database.query(
    `UPDATE jobs SET state = 'queued', error = NULL, ended_at_ms = NULL, expires_at_ms = NULL
     WHERE id = $id AND state = 'failed'`,
  )
  const deleteOfConnection = database.query<{ id: string }, { connectionId: string }>(
    "DELETE FROM jobs WHERE connection_id = $connectionId RETURNING id",
  )
  const deleteExpired = database.query("DELETE FROM jobs WHERE expires_at_ms <= $untilMs")

  return {
    ...createSqliteRuns(database, attempt),

    insert: ({ id, owner, connectionId, requestKey, request, createdAt }) =>
      attempt("store the job", () => {
        const { changes } = insert.run({
          id,
          ...owner,
          connectionId,
          requestKey,
          request: JSON.stringify(request),
          progress: nothingYet,
          createdAtMs: createdAt.getTime(),
        })
        return changes === 1
      }),

    find: (id) => attempt("find the job", () => toJob(find.get({ id }))),
    findByRequestKey: (requestKey) => attempt("find the job", () => toJob(findByKey.get({ requestKey }))),

    freeRequestKey: (requestKey, until) =>
      attempt("change the job", () => void freeKey.run({ requestKey, untilMs: until.getTime() })),

    list: ({ accountId, uid }, { now, limit, before }) =>
      attempt("list the jobs", () =>
        list
          .all({
            accountId,
            uid,
            nowMs: now.getTime(),
            limit,
            beforeMs: before?.createdAt.getTime() ?? Number.MAX_SAFE_INTEGER,
            beforeId: before?.id ?? "",
          })
          .map((row) => parseJobSummary(toStored(row))),
      ),

    cancel: (id, { endedAt, expiresAt }) =>
      attempt("cancel the job", () => {
        const times = { endedAtMs: endedAt.getTime(), expiresAtMs: expiresAt.getTime() }
        cancel.run({ id, progress: nothingYet, ...times })
      }),

    requeue: (id) => attempt("change the job", () => requeue.run({ id }).changes === 1),

    deleteOfConnection: (connectionId) =>
      attempt("delete the jobs", () => deleteOfConnection.all({ connectionId }).map(({ id }) => id)),

    deleteExpired: (until) =>
      attempt("delete the jobs", () => void deleteExpired.run({ untilMs: until.getTime() })),
  }
}
