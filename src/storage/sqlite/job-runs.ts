import type { Database } from "bun:sqlite"
import type { JobProgress, OpenJob, RunStore } from "../../jobs/job.ts"
import { toStoredProgress } from "../stored-job.ts"
import type { Attempt } from "./database.ts"
import { isOpen, toJob } from "./job-row.ts"

/** The newest run of a running job, and nothing else, may write. */
const isNewestRun = "id = $id AND attempt = $attempt AND state = 'running'"

/** What the runs of jobs read and write in the table of jobs. */
export function createSqliteRuns(database: Database, attempt: Attempt): RunStore {
  const open = database.query<OpenJob, { limit: number }>(
    `SELECT id, open_before AS openBefore FROM jobs WHERE ${isOpen} ORDER BY open_before, created_at_ms, id LIMIT $limit`,
  )
  const countOpen = database.query<{ queued: number; running: number }, []>(
    `SELECT count(*) FILTER (WHERE state = 'queued') AS queued, count(*) FILTER (WHERE state = 'running') AS running
     FROM jobs WHERE ${isOpen}`,
  )
  const begin = database.query(
    `UPDATE jobs SET state = 'running', attempt = attempt + 1, started_at_ms = coalesce(started_at_ms, $startedAtMs)
     WHERE id = $id AND ${isOpen} RETURNING *`,
  )
  const save = database.query(
    `UPDATE jobs SET progress = $progress, parts = $parts, columns = $columns WHERE ${isNewestRun}`,
  )
  const end = database.query(
    `UPDATE jobs SET progress = $progress, parts = $parts, columns = $columns, state = $state, error = $error,
       ended_at_ms = $endedAtMs, expires_at_ms = $expiresAtMs
     WHERE ${isNewestRun}`,
  )

  return {
    open: (limit) => attempt("list the jobs", () => open.all({ limit })),

    countOpen: () => attempt("count the jobs", () => countOpen.get() ?? { queued: 0, running: 0 }),

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
  }
}

function toColumns(progress: JobProgress) {
  const { parts, columns } = progress
  return {
    progress: JSON.stringify(toStoredProgress(progress)),
    parts: JSON.stringify(parts),
    columns: columns === undefined ? null : JSON.stringify(columns),
  }
}
