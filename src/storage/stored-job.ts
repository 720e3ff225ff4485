import { z } from "zod"
import type { Job, JobProgress, JobSummary, Part } from "../jobs/job.ts"
import { optional, parseStored } from "./parse-stored.ts"

const count = z.int().nonnegative()
const names = z.array(z.string()).optional()

const requestSchema = z.object({
  listIds: names,
  selection: z.object({
    statuses: names,
    since: z.number().optional(),
    before: z.number().optional(),
    includeArchived: z.boolean().optional(),
    fields: names,
    excludeFields: names,
  }),
  format: z.string(),
  formulas: z.enum(["defused", "raw"]).optional(),
  bom: z.boolean().optional(),
  compression: z.enum(["gzip", "none"]),
  cursor: z.string().optional(),
})

const partSchema = z.object({ name: z.string(), rows: count, bytes: count, sha256: z.string() })

const columnsSchema = z.array(
  z.object({
    id: z.string(),
    name: z.string(),
    mergeFields: z.array(z.object({ tag: z.string(), name: z.string(), type: z.string() })),
    interestCategories: z.array(
      z.object({
        id: z.string(),
        title: z.string(),
        interests: z.array(z.object({ id: z.string(), name: z.string() })),
      }),
    ),
  }),
)

const errorSchema = z.object({
  code: z.string(),
  detail: z.string(),
  retryable: z.boolean(),
  upstream: z
    .object({
      status: z.int(),
      title: z.string().optional(),
      detail: z.string().optional(),
      instance: z.string().optional(),
    })
    .optional(),
})

/** What only a whole job has. */
const wholeSchema = z.object({
  parts: z.array(partSchema),
  columns: optional(columnsSchema),
  open_before: count,
})

/** A job's fields in a database of any kind that its summary has. */
const summarySchema = z.object({
  id: z.string(),
  account_id: z.string(),
  owner: z.string(),
  connection_id: z.string(),
  request_key: z.string(),
  request: requestSchema,
  state: z.enum(["queued", "running", "complete", "short", "failed", "canceled"]),
  attempt: count,
  progress: z.object({
    cursor: z.string().optional(),
    estimate: count.optional(),
    rows: count,
    bytes: count,
  }),
  error: optional(errorSchema),
  created_at: z.date(),
  started_at: optional(z.date()),
  ended_at: optional(z.date()),
  expires_at: optional(z.date()),
})

/** @throws {AppError} `internal_error` if it is malformed */
export function parseJobSummary(stored: unknown): JobSummary {
  const { account_id, owner, progress, ...job } = parseStored(summarySchema, stored, "a stored job")
  return {
    id: job.id,
    owner: { accountId: account_id, uid: owner },
    connectionId: job.connection_id,
    requestKey: job.request_key,
    request: job.request,
    state: job.state,
    attempt: job.attempt,
    ...progress,
    error: job.error,
    createdAt: job.created_at,
    startedAt: job.started_at,
    endedAt: job.ended_at,
    expiresAt: job.expires_at,
  }
}

/** @throws {AppError} `internal_error` if it is malformed */
export function parseJob(stored: unknown): Job {
  const { rows: _rows, bytes: _bytes, ...summary } = parseJobSummary(stored)
  const { open_before: openBefore, ...whole } = parseStored(wholeSchema, stored, "a stored job")
  return { ...summary, ...whole, openBefore }
}

/** What is stored of a job's progress besides its parts. */
export function toStoredProgress({ cursor, estimate, parts }: JobProgress) {
  const sum = (of: (part: Part) => number) => parts.reduce((total, part) => total + of(part), 0)
  return { cursor, estimate, rows: sum(({ rows }) => rows), bytes: sum(({ bytes }) => bytes) }
}
