import { z } from "@hono/zod-openapi"
import { errorTable } from "../errors.ts"
import { upstreamSchema } from "../exports/event-lines.ts"
import { type Job, type JobSummary, totalsOf } from "../jobs/job.ts"

const moment = z.iso.datetime().nullable()
const count = z.int().nonnegative()

const jobId = z.string().openapi({ example: "job_0f1e2d3c4b5a69788796a5b4c3d2e1f0" })

const summary = {
  id: jobId,
  state: z.enum(["queued", "running", "complete", "short", "failed", "canceled"]).meta({
    description:
      "`complete`: every member is in the files; `short`: some may be missing, as in the end line of an export; `failed`: `error` says why, and a retry continues from the last part",
  }),
  format: z.string(),
  compression: z.enum(["gzip", "none"]),
  rows: count.meta({ description: "Members in the parts so far" }),
  estimate: count.nullable().meta({ description: "About how many members all lists have together" }),
  bytes: count.meta({ description: "The size of the parts so far" }),
  created_at: z.iso.datetime(),
  started_at: moment,
  ended_at: moment,
  expires_at: moment.meta({ description: "When the files are deleted" }),
  error: z
    .object({
      code: z.enum(Object.keys(errorTable)),
      detail: z.string(),
      retryable: z.boolean(),
      upstream: upstreamSchema.optional(),
    })
    .nullable()
    .meta({ description: "Why the job failed, as in a problem" }),
  cursor: z.string().nullable().meta({
    description:
      "Starts the next export, of what changes from now on; null until the job is complete or short, and with before_last_changed",
  }),
}

export const jobSummarySchema = z.object(summary).openapi("JobSummary")

export const jobSchema = z
  .object({
    ...summary,
    parts: z.array(
      z.object({
        name: z.string(),
        rows: count,
        bytes: count.meta({ description: "As stored, i.e. compressed" }),
        sha256: z.string().meta({ description: "Of the stored bytes, in hex" }),
        url: z.url(),
      }),
    ),
  })
  .openapi("Job")

/** A job without its parts, as the API shows it. */
export function toSummaryJson(job: JobSummary): z.input<typeof jobSummarySchema> {
  const { id, state, rows, bytes, estimate, error, cursor, request } = job
  return {
    id,
    state,
    format: request.format,
    compression: request.compression,
    rows,
    estimate: estimate ?? null,
    bytes,
    created_at: job.createdAt.toISOString(),
    started_at: job.startedAt?.toISOString() ?? null,
    ended_at: job.endedAt?.toISOString() ?? null,
    expires_at: job.expiresAt?.toISOString() ?? null,
    error: error ?? null,
    // The cursor of an unfinished job resumes its run, whose rows belong to its own parts.
    cursor: (isFinished(job) ? cursor : undefined) ?? null,
  }
}

/** A job as the API shows it; `urlOf` a part by its name. */
export function toJobJson(job: Job, urlOf: (name: string) => string): z.input<typeof jobSchema> {
  const { parts } = job
  return {
    ...toSummaryJson({ ...job, ...totalsOf(parts) }),
    parts: parts.map((part) => ({ ...part, url: urlOf(part.name) })),
  }
}

/** Whether all parts of the job are there. */
function isFinished({ state }: Pick<Job, "state">): boolean {
  return state === "complete" || state === "short"
}
