import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi"
import type { Context, MiddlewareHandler, Next } from "hono"
import { bodyLimit } from "hono/body-limit"
import type { Owner } from "../../connections/connection.ts"
import { AppError, invalidParameters } from "../../errors.ts"
import type { CheckCursor } from "../../exports/check-cursor.ts"
import type { Job } from "../../jobs/job.ts"
import { type CallerEnv, toOwner } from "../authenticate.ts"
import { apiPrefix, envelopeOf, toEnvelope } from "../envelope.ts"
import { jobBody, parseJobRequest } from "../job-request.ts"
import { jobParams, jobProblems, jobQuery, jobRoute, type JobsOrReason, requireJobs } from "../job-routes.ts"
import { jobSchema, jobSummarySchema, toJobJson, toSummaryJson } from "../job-view.ts"
import { jsonContent, problems } from "../openapi.ts"
import { isHead, once, refuseInvalid } from "../parameters.ts"
import { parseWait } from "../prefer.ts"

/** A cursor of a thousand lists has 7 KB, and no selection of fields is longer. */
const maxBodyBytes = 128 * 1024

const longestWaitS = 30

const jobContent = (description: string) => jsonContent(envelopeOf(jobSchema), description)

const startRoute = createRoute({
  method: "post",
  path: "/export-jobs",
  operationId: "startJob",
  summary: "Start an export in the background",
  description: "The job writes files and outlives the connection, and restarts of the service.",
  ...jobRoute,
  request: {
    query: jobQuery,
    headers: z.object({
      "Idempotency-Key": z
        .string()
        .min(1, "must not be empty")
        .max(255, "must have at most 255 characters")
        .optional()
        .openapi({
          description: "Within 24 hours the same key with the same body gives the same job, and starts none",
        }),
    }),
    body: { required: true, content: { "application/json": { schema: jobBody } } },
  },
  responses: {
    202: {
      ...jobContent("The job, new or of the same Idempotency-Key"),
      headers: z.object({ Location: z.string().openapi({ description: "The job's URL" }) }),
    },
    ...jobProblems,
    409: problems[409],
    415: problems[415],
    422: problems[422],
  },
})

const listRoute = createRoute({
  method: "get",
  path: "/export-jobs",
  operationId: "listJobs",
  summary: "The caller's jobs",
  description: "Newest first, at most 100. Expired jobs are left out.",
  ...jobRoute,
  request: {
    query: jobQuery.extend({
      before: once
        .regex(/^[\w-]{1,100}$/, "must be the id of a job")
        .optional()
        .openapi({ description: "The id of a job: only jobs older than it" }),
    }),
  },
  responses: {
    200: jsonContent(envelopeOf(z.array(jobSummarySchema)), "The jobs, without their parts"),
    ...jobProblems,
  },
})

const readRoute = createRoute({
  method: "get",
  path: "/export-jobs/{id}",
  operationId: "readJob",
  summary: "One job",
  ...jobRoute,
  request: {
    params: jobParams,
    query: jobQuery,
    headers: z.object({
      Prefer: z
        .string()
        .optional()
        .openapi({
          description: `\`wait=N\`: respond when \`state\` changes, at once if the job has ended, and after N seconds, at most ${longestWaitS}`,
        }),
    }),
  },
  responses: { 200: jobContent("The job"), ...jobProblems },
})

const cancelRoute = createRoute({
  method: "delete",
  path: "/export-jobs/{id}",
  operationId: "cancelJob",
  summary: "Cancel a job and delete its files",
  description:
    "A job that has ended, complete or not, loses its files as well: its state becomes `canceled`, with 0 rows.",
  ...jobRoute,
  request: { params: jobParams, query: jobQuery },
  responses: { 200: jobContent("The job, canceled now or before"), ...jobProblems },
})

const retryRoute = createRoute({
  method: "post",
  path: "/export-jobs/{id}/retry",
  operationId: "retryJob",
  summary: "Have a failed job continue from its last part",
  ...jobRoute,
  request: { params: jobParams, query: jobQuery },
  responses: { 202: jobContent("The job"), ...jobProblems, 409: problems[409] },
})

/** Exports in the background. */
export function createExportJobRoutes(
  deps: JobsOrReason & {
    readonly authenticated: MiddlewareHandler<CallerEnv>
    readonly requireLiveConnection: (owner: Owner) => Promise<{ readonly id: string }>
    readonly checkCursor: CheckCursor
    readonly publicUrl: string
  },
) {
  const routes = new OpenAPIHono<CallerEnv>({ defaultHook: refuseInvalid })
  routes.use("/export-jobs", deps.authenticated)
  routes.use("/export-jobs/*", deps.authenticated)
  routes.post("/export-jobs", requireJson, bodyLimit({ maxSize: maxBodyBytes, onError: refuseBody }))

  const urlOf = (path: string, subAccountId: string | undefined) =>
    `${deps.publicUrl}${apiPrefix}/export-jobs/${path}${subAccountId === undefined ? "" : `?sub_account_id=${encodeURIComponent(subAccountId)}`}`
  const toJson = (job: Job, subAccountId: string | undefined) =>
    toEnvelope(toJobJson(job, (name) => urlOf(`${job.id}/parts/${name}`, subAccountId)))

  routes.openapi(startRoute, async (context) => {
    const { sub_account_id } = context.req.valid("query")
    const owner = toOwner(context.get("caller"), sub_account_id)
    const request = parseJobRequest(context.req.valid("json"))
    const jobs = requireJobs(deps)
    const { id: connectionId } = await deps.requireLiveConnection(owner)
    await deps.checkCursor(connectionId, request)
    const idempotencyKey = context.req.valid("header")["Idempotency-Key"]
    const job = await jobs.start({ owner, connectionId, request, idempotencyKey })
    context.header("location", urlOf(job.id, sub_account_id))
    return context.json(toJson(job, sub_account_id), 202)
  })

  routes.openapi(listRoute, async (context) => {
    const { sub_account_id, before } = context.req.valid("query")
    const jobs = await requireJobs(deps).list(toOwner(context.get("caller"), sub_account_id), before)
    return context.json(toEnvelope(jobs.map(toSummaryJson)), 200)
  })

  routes.openapi(readRoute, async (context) => {
    const { sub_account_id } = context.req.valid("query")
    const waitS = isHead(context) ? 0 : parseWait(context.req.valid("header").Prefer, longestWaitS)
    const owner = toOwner(context.get("caller"), sub_account_id)
    const { id } = context.req.valid("param")
    const job = await requireJobs(deps).wait(owner, id, waitS * 1000, context.req.raw.signal)
    if (waitS > 0) context.header("preference-applied", `wait=${waitS}`)
    return context.json(toJson(job, sub_account_id), 200)
  })

  routes.openapi(cancelRoute, async (context) => {
    const { sub_account_id } = context.req.valid("query")
    const owner = toOwner(context.get("caller"), sub_account_id)
    const jobs = requireJobs(deps)
    const job = await jobs.find(owner, context.req.valid("param").id)
    await jobs.cancel(job)
    return context.json(toJson(await jobs.find(owner, job.id), sub_account_id), 200)
  })

  routes.openapi(retryRoute, async (context) => {
    const { sub_account_id } = context.req.valid("query")
    const owner = toOwner(context.get("caller"), sub_account_id)
    const jobs = requireJobs(deps)
    const job = await jobs.find(owner, context.req.valid("param").id)
    await jobs.retry(job)
    return context.json(toJson(await jobs.find(owner, job.id), sub_account_id), 202)
  })

  return routes
}

/** Refuses a body of another type, which would not be validated. */
function requireJson(context: Context, next: Next): Promise<void> {
  const [type = ""] = context.req.header("content-type")?.split(";") ?? []
  if (type.trim().toLowerCase() !== "application/json")
    throw new AppError(
      "unsupported_media_type",
      "Cannot read the body: send JSON, at least {}, with the header Content-Type: application/json",
    )
  return next()
}

function refuseBody(): never {
  throw invalidParameters([{ name: "body", reason: `must have at most ${maxBodyBytes} bytes` }])
}
