import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi"
import type { Context, MiddlewareHandler } from "hono"
import { AppError } from "../../errors.ts"
import { type CallerEnv, toOwner } from "../authenticate.ts"
import { downloadAll, downloadPart, type Download } from "../job-download.ts"
import { jobParams, jobProblems, jobQuery, jobRoute, type JobsOrReason, requireJobs } from "../job-routes.ts"
import { problems } from "../openapi.ts"
import { isHead, refuseInvalid } from "../parameters.ts"
import { idleTimeoutOf, longestIdleTimeoutS, type ServerEnv } from "../timeouts.ts"

const fileContent = {
  "application/gzip": { schema: z.string() },
  "application/x-ndjson": { schema: z.string() },
  "text/csv": { schema: z.string() },
}

const membersRoute = createRoute({
  method: "get",
  path: "/export-jobs/{id}/members",
  operationId: "downloadMembers",
  summary: "All members of a finished job, as one file",
  ...jobRoute,
  request: { params: jobParams, query: jobQuery },
  responses: {
    200: { description: "The parts, joined: a valid file of their format", content: fileContent },
    ...jobProblems,
    409: problems[409],
  },
})

const partRoute = createRoute({
  method: "get",
  path: "/export-jobs/{id}/parts/{name}",
  operationId: "downloadPart",
  summary: "One part of a job, also while the job runs",
  description: "A whole file, but CSV has its header in the first part only. Its ETag is its SHA-256.",
  ...jobRoute,
  request: {
    params: jobParams.extend({
      name: z.string().regex(/^[\w.-]{1,100}$/, "must be the name of a part, as in the job's record"),
    }),
    query: jobQuery,
    headers: z.object({
      Range: z.string().optional(),
      "If-Range": z.string().optional(),
    }),
  },
  responses: {
    200: { description: "The part", content: fileContent },
    206: { description: "The range of the part", content: fileContent },
    ...jobProblems,
    416: problems[416],
  },
})

type FilesEnv = CallerEnv & ServerEnv

/** What jobs have written, as downloads. */
export function createJobFileRoutes(
  deps: JobsOrReason & { readonly authenticated: MiddlewareHandler<CallerEnv> },
) {
  const routes = new OpenAPIHono<FilesEnv>({ defaultHook: refuseInvalid })
  routes.use("/export-jobs/*", deps.authenticated)

  routes.openapi(membersRoute, async (context) => {
    const owner = toOwner(context.get("caller"), context.req.valid("query").sub_account_id)
    const { find, files } = requireJobs(deps)
    const job = await find(owner, context.req.valid("param").id)
    return send(context, await downloadAll(files, job))
  })

  routes.openapi(partRoute, async (context) => {
    const owner = toOwner(context.get("caller"), context.req.valid("query").sub_account_id)
    const { id, name } = context.req.valid("param")
    const { Range: range, "If-Range": ifRange } = context.req.valid("header")
    const { find, files } = requireJobs(deps)
    const job = await find(owner, id)
    return send(context, await downloadPart(files, job, name, { range, ifRange }))
  })

  return routes
}

/** Streams a file; a reader that stops reading is disconnected after the longest idle time-out. */
function send(context: Context<FilesEnv>, { status, headers, bytes }: Download): Response {
  if (status === 416) {
    for (const [name, value] of Object.entries(headers)) context.res.headers.set(name, value)
    throw new AppError(
      "range_not_satisfiable",
      "Cannot send the range because the part has fewer bytes: Content-Range says how many",
    )
  }
  const setIdleTimeout = idleTimeoutOf(context)
  setIdleTimeout(longestIdleTimeoutS)
  return new Response(isHead(context) ? null : bytes(), { status, headers })
}
