import { z } from "zod"
import { parseStored } from "../parse-stored.ts"
import { parseJob } from "../stored-job.ts"
import { parseJson } from "./parse-json.ts"

/** As in the partial indexes, whose condition SQLite compares by its text. */
export const isOpen = "state IN ('queued', 'running')"

const rowSchema = z.looseObject({
  request: z.string(),
  progress: z.string(),
  parts: z.string().optional(),
  columns: z.string().nullish(),
  error: z.string().nullable(),
  created_at_ms: z.int(),
  started_at_ms: z.int().nullable(),
  ended_at_ms: z.int().nullable(),
  expires_at_ms: z.int().nullable(),
})

/** A row with its JSON and dates as values. */
export function toStored(row: unknown): unknown {
  const {
    request,
    progress,
    parts = "[]",
    columns,
    error,
    ...rest
  } = parseStored(rowSchema, row, "a stored job")
  return {
    ...rest,
    request: parseJson(request),
    progress: parseJson(progress),
    parts: parseJson(parts),
    columns: columns ? parseJson(columns) : null,
    error: error === null ? null : parseJson(error),
    created_at: new Date(rest.created_at_ms),
    started_at: toDate(rest.started_at_ms),
    ended_at: toDate(rest.ended_at_ms),
    expires_at: toDate(rest.expires_at_ms),
  }
}

export function toJob(row: unknown) {
  return row === null || row === undefined ? undefined : parseJob(toStored(row))
}

function toDate(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms)
}
