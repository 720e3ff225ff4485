import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi"
import type { Context, MiddlewareHandler } from "hono"
import type { Owner } from "../../connections/connection.ts"
import type { OpenAccount } from "../../connections/open-account.ts"
import { AppError } from "../../errors.ts"
import { fieldPattern, parseSelection, type Selection } from "../../exports/selection.ts"
import type { CheckCursor, StartExport } from "../../exports/start-export.ts"
import type { ExportEvent, FormatName } from "../../exports/stream-export.ts"
import { toOwner, type CallerEnv } from "../authenticate.ts"
import type { ExportSlots } from "../export-slots.ts"
import { chooseFormat, mediaTypes } from "../choose-format.ts"
import { cursorHeader, cursorHeaders, oneCursor } from "../cursor-header.ts"
import { envelopeOf } from "../envelope.ts"
import { bearerSecurity, callerProblems, eventLineComponent, problems } from "../openapi.ts"
import { isHead, once, refuseInvalid, sealedText, subAccountId } from "../parameters.ts"
import { idleTimeoutS, longestIdleTimeoutS, type ServerEnv, setIdleTimeout } from "../idle-timeout.ts"
import { invalidParameters } from "../problem.ts"
import { guardStall } from "../stall-guard.ts"

const statuses = ["subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived"] as const

/** More members than any account has, and exact as a number. */
const largestOffset = 999_999_999_999_999

const wholeNumber = (min: number, max: number) => {
  const range = `must be a whole number from ${min} to ${max}`
  return once
    .regex(/^\d{1,15}$/, range)
    .transform(Number)
    .refine((value) => value >= min && value <= max, range)
    .openapi({ type: "integer", minimum: min, maximum: max })
}
const oneOf = <const T extends readonly string[]>(values: T) =>
  z.enum(values, {
    error: ({ input }) =>
      Array.isArray(input) ? "must be given only once" : `must be one of ${values.join(", ")}`,
  })
const names = z
  .union([once.transform((value) => [value]), z.array(z.string())], "must be names of fields")
  .openapi({
    type: "array",
    minItems: 1,
    items: { type: "string", pattern: fieldPattern },
    // Joined by commas, as documented; repeated parameters are accepted as well.
    param: { style: "form", explode: false },
  })

/** A plus sign that is not encoded arrives as a space. */
const withPlus = (value: string) => value.replace(/(T[\d:.]+) (\d\d:?\d\d)$/, "$1+$2")
const isoDate = z.iso.datetime({
  offset: true,
  error: "must be a date and time in ISO 8601 with a zone, such as 2026-01-31T08:00:00Z",
})
const date = once
  .transform(withPlus)
  .pipe(isoDate)
  .transform((value) => new Date(value))
  .openapi({ type: "string", format: "date-time" })

const exportQuery = z.strictObject({
  count: wholeNumber(1, 1000).optional().openapi({
    description: "With count or offset: a slice of the lists laid end to end; 10 if only offset is given",
  }),
  offset: wholeNumber(0, largestOffset).optional().openapi({ description: "Where the slice begins" }),
  fields: names.optional().openapi({
    description:
      "Only these fields of a member, by Mailchimp's dotted names: repeated, or separated by commas. A merge field or an interest, such as interests.9143cf3bd1, must belong to an exported list",
    example: ["email_address", "merge_fields.FNAME"],
  }),
  exclude_fields: names.optional().openapi({ description: "All fields except these" }),
  status: oneOf(statuses).optional().openapi({
    description: "Only members of one status; without it, all except archived members",
    example: "subscribed",
  }),
  include: oneOf(["archived"])
    .optional()
    .openapi({ description: "Archived members too, which Mailchimp leaves out by default" }),
  since_last_changed: date.optional().openapi({
    description: "Only members changed after this time",
    example: "2026-01-31T08:00:00Z",
  }),
  before_last_changed: date.optional().openapi({
    description: "Only members changed at or before this time; such an export ends without a cursor",
    example: "2026-12-31T23:59:59+01:00",
  }),
  events: oneOf(["true", "false"]).optional().openapi({
    description:
      "Event lines between the members, NDJSON only: start, checkpoint, progress, deleted, list_error, error, end",
  }),
  cursor: once.optional().openapi({
    ...sealedText,
    description:
      "Resumes a broken export (cursor of a checkpoint or an error), or exports what has changed since (cursor of an end). Proxies often refuse request lines of more than 8 KB: the header Export-Cursor accepts the cursor as well",
  }),
  format: oneOf(["ndjson", "json"]).optional().openapi({
    description:
      "Overrides the Accept header, in which a named media type beats a wildcard; ndjson if neither is given",
  }),
  sub_account_id: subAccountId,
})

const responses = {
  200: {
    description:
      "The members, streamed. A failure after the first byte breaks the transfer: a response that ends normally is complete, unless its end line says `short`",
    content: {
      [mediaTypes.ndjson]: {
        schema: z.string().meta({
          description: `One member per line, as Mailchimp sent it, with its list_id. With events=true, the lines that have a key \`$export\` are event lines: #/components/schemas/${eventLineComponent}`,
        }),
      },
      [mediaTypes.json]: { schema: envelopeOf(z.array(z.looseObject({}))) },
    },
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
  summary: "The members of every list",
  tags: ["Export"],
  security: bearerSecurity,
  request: { query: exportQuery, headers: cursorHeaders },
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
    params: z.strictObject({
      id: z
        .string()
        .regex(/^[\w-]{1,100}$/, "must be the id of a list, as in /lists")
        .openapi({
          example: "a1b2c3d4e5",
        }),
    }),
    query: exportQuery,
    headers: cursorHeaders,
  },
  responses: responses,
})

type ExportEnv = CallerEnv & ServerEnv & { Variables: { requestId: string } }

/** The exports. */
export function createExportRoutes(deps: {
  readonly authenticated: MiddlewareHandler<CallerEnv>
  readonly openAccount: OpenAccount
  readonly requireLiveConnection: (owner: Owner) => Promise<{ readonly id: string }>
  readonly checkCursor: CheckCursor
  readonly startExport: StartExport
  readonly exportSlots: ExportSlots
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

  routes.openapi(exportRoute, (context) =>
    response(context, undefined, context.req.valid("query"), context.req.valid("header")),
  )
  routes.openapi(exportListRoute, (context) =>
    response(context, context.req.valid("param").id, context.req.valid("query"), context.req.valid("header")),
  )
  return routes

  async function response(
    context: Context<ExportEnv>,
    listId: string | undefined,
    query: z.output<typeof exportQuery>,
    given: z.output<typeof cursorHeaders>,
  ) {
    if (deps.isDraining())
      throw new AppError("draining", "Cannot begin an export because the service is shutting down")
    const selection = parseSelection(query)
    const events = query.events === "true"
    const isNdjsonOnly = events || query.cursor !== undefined || given[cursorHeader] !== undefined
    const format = chooseFormat(
      query.format,
      context.req.header("accept"),
      isNdjsonOnly ? "ndjson" : undefined,
    )
    refuseOddCombinations(
      { events: events || undefined, cursor: query.cursor, [cursorHeader]: given[cursorHeader] },
      format,
      selection,
    )
    const cursor = oneCursor(query.cursor, given[cursorHeader])
    const owner = toOwner(context.get("caller"), query.sub_account_id)
    const headers = {
      "content-type": mediaTypes[format],
      "cache-control": "no-store",
      vary: "Accept, Accept-Encoding, Authorization, Export-Cursor",
      "x-accel-buffering": "no",
    }
    const slot = deps.exportSlots.take(context.get("caller"))
    if (isHead(context)) {
      slot[Symbol.dispose]()
      const { id } = await deps.requireLiveConnection(owner)
      await deps.checkCursor(id, { cursor, selection, listId })
      return new Response(null, { headers })
    }

    const { signal } = context.req.raw
    const requestId = context.get("requestId")
    const line = { request_id: requestId }
    const onEvent = (event: ExportEvent) => deps.onExportEvent(event, line)
    setIdleTimeout(context, longestIdleTimeoutS)
    try {
      const account = await deps.openAccount(owner, signal)
      const eventsId = events ? requestId : undefined
      // When Bun's server requests the next chunk, it has already copied what the socket could not take.
      const lendsChunks = context.env?.timeout !== undefined
      const bytes = await deps.startExport({
        account: { ...account, [Symbol.dispose]: () => release(account, slot) },
        listId,
        selection,
        format,
        cursor,
        eventsId,
        signal,
        lendsChunks,
        onEvent,
      })
      // From here on the response may wait for Mailchimp as long as needed, and for its consumer until the stall
      // time-out.
      setIdleTimeout(context, 0)
      const guarded = guardStall(bytes, {
        stallTimeoutMs: deps.stallTimeoutMs,
        onStall: () => {
          deps.onExportEvent({ type: "stalled" }, line)
          setIdleTimeout(context, 1)
        },
        onEnd: () => setIdleTimeout(context, idleTimeoutS),
      })
      return new Response(guarded, { headers })
    } catch (error) {
      slot[Symbol.dispose]()
      setIdleTimeout(context, idleTimeoutS)
      throw error
    }
  }
}

function release(...acquired: readonly Disposable[]): void {
  for (const each of acquired) each[Symbol.dispose]()
}

/** Event lines exist only in NDJSON, and a slice is a sample of the lists that cannot be resumed. */
function refuseOddCombinations(
  given: Readonly<Record<string, true | string | undefined>>,
  format: FormatName,
  { slice }: Selection,
): void {
  const errors = Object.entries(given).flatMap(([name, value]) => {
    if (value === undefined) return []
    if (format !== "ndjson") return [{ name, reason: "requires NDJSON: format=ndjson" }]
    return slice ? [{ name, reason: "must not come together with count or offset" }] : []
  })
  if (errors.length > 0) throw invalidParameters(errors)
}
