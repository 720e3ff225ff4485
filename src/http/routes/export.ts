import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi"
import type { Context, MiddlewareHandler } from "hono"
import type { OpenAccount } from "../../connections/open-account.ts"
import { AppError } from "../../errors.ts"
import { parseSelection } from "../../exports/selection.ts"
import type { StartExport } from "../../exports/start-export.ts"
import type { ExportEvent } from "../../exports/stream-export.ts"
import { toOwner, type CallerEnv } from "../authenticate.ts"
import { chooseFormat, mediaTypes } from "../choose-format.ts"
import { callerProblems, envelopeOf, once, problems, refuseInvalid, subAccountId } from "../envelope.ts"
import { guardStall } from "../stall-guard.ts"

const statuses = ["subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived"] as const

const wholeNumber = (least: number, most: number) => {
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`
  return once
    .regex(/^\d{1,15}$/, `must be a whole number ${range}`)
    .transform(Number)
    .refine((value) => value >= least && value <= most, `must be a whole number ${range}`)
}
const names = z.union([once.transform((value) => [value]), z.array(z.string())], "must be names of fields")

const exportQuery = z.strictObject({
  count: wholeNumber(1, 1000).optional().meta({
    description: "With count or offset only a slice of the lists, laid end to end",
    type: "integer",
  }),
  offset: wholeNumber(0, Number.MAX_SAFE_INTEGER)
    .optional()
    .meta({ description: "Where the slice begins", type: "integer" }),
  fields: names.optional().meta({
    description:
      "Only these fields of a member, by Mailchimp's dotted names: repeated, or separated by commas",
    type: "array",
  }),
  exclude_fields: names.optional().meta({ description: "All fields but these", type: "array" }),
  status: once.pipe(z.enum(statuses, `must be one of ${statuses.join(", ")}`)).optional(),
  format: once
    .pipe(z.enum(["ndjson", "json"], "must be ndjson or json"))
    .optional()
    .meta({ description: "Beats the Accept header; ndjson where neither says" }),
  sub_account_id: subAccountId,
})

const answers = {
  200: {
    description:
      "The members, streamed. A failure after the first byte breaks the transfer: an answer that ends well is whole",
    content: {
      [mediaTypes.ndjson]: {
        schema: z.string().meta({ description: "A member a line, as Mailchimp sent it, with its list_id" }),
      },
      [mediaTypes.json]: { schema: envelopeOf(z.array(z.looseObject({ id: z.string() }))) },
    },
  },
  ...callerProblems,
  404: problems[404],
  406: problems[406],
  409: problems[409],
  502: problems[502],
  504: problems[504],
}

const exportRoute = createRoute({
  method: "get",
  path: "/export",
  summary: "The members of every list",
  tags: ["Export"],
  security: [{ bearer: [] }],
  request: { query: exportQuery },
  responses: answers,
})

const exportListRoute = createRoute({
  method: "get",
  path: "/export/{id}",
  summary: "The members of one list",
  tags: ["Export"],
  security: [{ bearer: [] }],
  request: {
    params: z.strictObject({
      id: z.string().regex(/^[\w-]{1,64}$/, "must be the id of a list, as /lists tells it"),
    }),
    query: exportQuery,
  },
  responses: answers,
})

/** Bun's server: its idle time-out would cut an export that waits for Mailchimp, or for its consumer. */
type ServerEnv = { Bindings: { timeout?: (request: Request, seconds: number) => void } }
type ExportEnv = CallerEnv & ServerEnv & { Variables: { requestId: string } }

/** The exports. */
export function createExportRoutes(deps: {
  readonly authenticated: MiddlewareHandler<CallerEnv>
  readonly openAccount: OpenAccount
  readonly startExport: StartExport
  readonly stallTimeoutMs: number
  readonly onExportEvent: (
    event: ExportEvent | { readonly type: "stalled" },
    requestLine: { readonly request_id: string },
  ) => void
  readonly isDraining: () => boolean
}) {
  const routes = new OpenAPIHono<ExportEnv>({ defaultHook: refuseInvalid })
  routes.use("/export", deps.authenticated)
  routes.use("/export/*", deps.authenticated)

  routes.openapi(exportRoute, (context) => answer(context, undefined, context.req.valid("query")))
  routes.openapi(exportListRoute, (context) =>
    answer(context, context.req.valid("param").id, context.req.valid("query")),
  )
  return routes

  async function answer(
    context: Context<ExportEnv>,
    listId: string | undefined,
    query: z.output<typeof exportQuery>,
  ) {
    if (deps.isDraining())
      throw new AppError("draining", "Cannot begin an export as the service is shutting down")
    const selection = parseSelection(query)
    const format = chooseFormat(query.format, context.req.header("accept"))
    const owner = toOwner(context.get("caller"), query.sub_account_id)
    const headers = {
      "content-type": mediaTypes[format],
      "cache-control": "no-store",
      vary: "Accept, Accept-Encoding, Authorization",
      "x-accel-buffering": "no",
    }
    // Hono answers HEAD by GET without its body: an export for nobody.
    if (context.req.method === "HEAD") return new Response(null, { headers })

    context.env?.timeout?.(context.req.raw, 0)
    const account = await deps.openAccount(owner)
    const { signal } = context.req.raw
    const line = { request_id: context.get("requestId") }
    const onEvent = (event: ExportEvent) => deps.onExportEvent(event, line)
    const bytes = await deps.startExport({ account, listId, selection, format, signal, onEvent })
    const onStall = () => {
      deps.onExportEvent({ type: "stalled" }, line)
      context.env?.timeout?.(context.req.raw, 1)
    }
    return new Response(guardStall(bytes, { stallTimeoutMs: deps.stallTimeoutMs, onStall }), { headers })
  }
}
