import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi"
import type { Context, MiddlewareHandler } from "hono"
import type { Owner } from "../../connections/connection.ts"
import { AppError } from "../../errors.ts"
import type { CheckCursor } from "../../exports/check-cursor.ts"
import { formats } from "../../exports/formats/formats.ts"
import { toAttachment } from "../attachment.ts"
import { toOwner, type CallerEnv } from "../authenticate.ts"
import { chooseCoding } from "../choose-coding.ts"
import type { ConcurrencyLimit } from "../concurrency.ts"
import { exportHeaders, exportListQuery, exportQuery, parseExportInput } from "../export-parameters.ts"
import { createExportResponse, type ExportResponseDeps } from "../export-response.ts"
import { bearerSecurity, callerProblems, problems } from "../openapi.ts"
import { isHead, listId, refuseInvalid } from "../parameters.ts"
import type { ServerEnv } from "../timeouts.ts"

const responses = {
  200: {
    description:
      "The members, with Mailchimp's fields, streamed. A response that ends normally is complete: if anything is missing, the transfer breaks, so that `fetch` fails, or with `events` the `end` line says `short`. Compressed with zstd or gzip if Accept-Encoding asks for it",
    content: Object.fromEntries(formats.map(({ mediaType, schema }) => [mediaType, { schema }])),
  },
  ...callerProblems,
  404: problems[404],
  406: problems[406],
  409: problems[409],
  410: problems[410],
  429: problems[429],
  502: problems[502],
  504: problems[504],
}

const exportRoute = createRoute({
  method: "get",
  path: "/export",
  operationId: "exportLists",
  summary: "The members of every list, or of some",
  tags: ["Export"],
  security: bearerSecurity,
  request: { query: exportQuery, headers: exportHeaders },
  responses: responses,
})

const exportListRoute = createRoute({
  method: "get",
  path: "/export/{id}",
  operationId: "exportList",
  summary: "The members of one list",
  tags: ["Export"],
  security: bearerSecurity,
  request: {
    params: z.strictObject({ id: listId.openapi({ example: "a1b2c3d4e5" }) }),
    query: exportListQuery,
    headers: exportHeaders,
  },
  responses: responses,
})

type ExportEnv = CallerEnv & ServerEnv & { Variables: { requestId: string } }

/** The exports. */
export function createExportRoutes(
  deps: ExportResponseDeps & {
    readonly authenticated: MiddlewareHandler<CallerEnv>
    readonly requireLiveConnection: (owner: Owner) => Promise<{ readonly id: string }>
    readonly checkCursor: CheckCursor
    readonly exportLimit: ConcurrencyLimit
    readonly isDraining: () => boolean
    /** Milliseconds since the epoch. */
    readonly now: () => number
  },
) {
  const respond = createExportResponse(deps)
  const routes = new OpenAPIHono<ExportEnv>({ defaultHook: refuseInvalid })
  routes.use("/export", deps.authenticated)
  routes.use("/export/*", deps.authenticated)

  routes.openapi(exportRoute, (context) =>
    response(context, context.req.valid("query"), context.req.valid("header")),
  )
  routes.openapi(exportListRoute, (context) =>
    response(
      context,
      { ...context.req.valid("query"), list_id: [context.req.valid("param").id] },
      context.req.valid("header"),
    ),
  )
  return routes

  async function response(
    context: Context<ExportEnv>,
    query: z.output<typeof exportQuery>,
    given: z.output<typeof exportHeaders>,
  ) {
    if (deps.isDraining())
      throw new AppError("draining", "Cannot begin an export because the service is shutting down")
    const input = parseExportInput(query, given, context.req.header("accept"))
    // A compressor would take many times the memory of a follower that waits.
    const coding = input.follows ? undefined : chooseCoding(context.req.header("accept-encoding"))
    const owner = toOwner(context.get("caller"), query.sub_account_id)
    const headers = {
      "content-type": input.format.contentType,
      ...(coding !== undefined && { "content-encoding": coding }),
      ...(input.isDownload && {
        "content-disposition": toAttachment(input.listIds, input.format.fileSuffix, deps.now()),
      }),
      "cache-control": "no-store",
      vary: "Accept, Accept-Encoding, Authorization, Export-Cursor",
      "x-accel-buffering": "no",
    }
    const caller = context.get("caller")
    const running = deps.exportLimit.begin(caller)
    if (!isHead(context)) return respond(context, { ...input, caller, owner, coding, headers, running })
    running[Symbol.dispose]()
    const { id } = await deps.requireLiveConnection(owner)
    await deps.checkCursor(id, input)
    return new Response(null, { headers })
  }
}
