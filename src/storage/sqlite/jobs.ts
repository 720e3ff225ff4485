import type { Database } from "bun:sqlite"
import { z } from "zod"
import type { JobStore } from "../../jobs/job.ts"
import { parseStored } from "../parse-stored.ts"
import { parseJob, parseJobSummary, toStoredProgress } from "../stored-job.ts"
import type { Attempt } from "./database.ts"

const summaryColumns =
  "id, account_id, owner, connection_id, request_key, request, state, attempt, progress, error, created_at_ms, started_at_ms, ended_at_ms, expires_at_ms"

/** As in the partial indexes, whose condition SQLite compares by its text. */
const isOpen = "state IN ('queued', 'running')"

/** The newest run of a running job, and nothing else, may write. */
const isNewestRun = "id = $id AND attempt = $attempt AND state = 'running'"

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
  const open = database.query<{ id: string }, { limit: number }>(
    `SELECT id FROM jobs WHERE ${isOpen} ORDER BY open_before, created_at_ms, id LIMIT $limit`,
  )
  const begin = database.query(
    `UPDATE jobs SET state = 'running', attempt = attempt + 1, started_at_ms = coalesce(started_at_ms, $startedAtMs)
     WHERE id = $id AND ${isOpen} RETURNING *`,
  )
  const save = database.query(`UPDATE jobs SET progress = $progress, parts = $parts WHERE ${isNewestRun}`)
  const end = database.query(
    `UPDATE jobs SET progress = $progress, parts = $parts, state = $state, error = $error,
       ended_at_ms = $endedAtMs, expires_at_ms = $expiresAtMs
     WHERE ${isNewestRun}`,
  )
  const cancel = database.query(
    `UPDATE jobs SET state = 'canceled', error = NULL, progress = $progress, parts = '[]',
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

    open: (limit) => attempt("list the jobs", () => open.all({ limit }).map(({ id }) => id)),

    begin: (id, startedAt) =>
      attempt("change the job", () => toJob(begin.get({ id, startedAtMs: startedAt.getTime() }))),

    save: (run, progress) =>
      attempt("change the job", () => save.run({ ...run, ...toColumns(progress) }).changes === 1),

    end: (run, progress, { state, endedAt, expiresAt, ...rest }) =>
      attempt("change the job", () => {
        const { changes } = end.run({
          ...run,
          ...toColumns(progress),
          state,
          error: "error" in rest ? JSON.stringify(rest.error) : null,
          endedAtMs: endedAt.getTime(),
          expiresAtMs: expiresAt.getTime(),
        })
        return changes === 1
      }),

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

const nothingYet = JSON.stringify(toStoredProgress({ parts: [] }))

function toColumns(progress: Parameters<typeof toStoredProgress>[0]) {
  return { progress: JSON.stringify(toStoredProgress(progress)), parts: JSON.stringify(progress.parts) }
}

const rowSchema = z.looseObject({
  request: z.string(),
  progress: z.string(),
  parts: z.string().optional(),
  error: z.string().nullable(),
  created_at_ms: z.int(),
  started_at_ms: z.int().nullable(),
  ended_at_ms: z.int().nullable(),
  expires_at_ms: z.int().nullable(),
})

/** A row with its JSON and dates as values. */
function toStored(row: unknown): unknown {
  const { request, progress, parts = "[]", error, ...rest } = parseStored(rowSchema, row, "a stored job")
  return {
    ...rest,
    request: parseJson(request),
    progress: parseJson(progress),
    parts: parseJson(parts),
    error: error === null ? null : parseJson(error),
    created_at: new Date(rest.created_at_ms),
    started_at: toDate(rest.started_at_ms),
    ended_at: toDate(rest.ended_at_ms),
    expires_at: toDate(rest.expires_at_ms),
  }
}

function toJob(row: unknown) {
  return row === null || row === undefined ? undefined : parseJob(toStored(row))
}

function toDate(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms)
}

/** Undefined for malformed text, which the schema of a job does not accept. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
