import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi"
import type { MiddlewareHandler } from "hono"
import type { Owner } from "../../connections/connection.ts"
import type { ReadLists } from "../../exports/read-lists.ts"
import type { Subscriptions } from "../../webhooks/subscribe.ts"
import { toOwner, type CallerEnv } from "../authenticate.ts"
import { envelopeOf, toEnvelope } from "../envelope.ts"
import { bearerSecurity, callerProblems, jsonContent, problems } from "../openapi.ts"
import { isHead, oneOf, refuseInvalid, subAccountId } from "../parameters.ts"

export const listSchema = z.object({
  id: z.string().meta({
    description: "As Mailchimp sent it; a list whose id is empty or malformed cannot be exported",
  }),
  web_id: z
    .int()
    .nullable()
    .meta({ description: "The number in the URLs of Mailchimp's own pages; not the id" }),
  name: z.string(),
  member_count: z
    .int()
    .meta({ description: "Subscribed members only, as Mailchimp counts them, a few minutes old" }),
  unsubscribe_count: z.int(),
  cleaned_count: z.int(),
  webhook: z.boolean().meta({ description: "Whether Mailchimp delivers the list's changes to us" }),
})

const listsRoute = createRoute({
  method: "get",
  path: "/lists",
  operationId: "readLists",
  summary: "Every list of the account",
  tags: ["Export"],
  security: bearerSecurity,
  request: {
    query: z.strictObject({
      refresh: oneOf(["true", "false"]).optional().openapi({
        description:
          "`true` requests the lists anew. Otherwise they may be as old as LISTS_CACHE_S says; Age tells how old they are",
      }),
      sub_account_id: subAccountId,
    }),
  },
  responses: {
    200: jsonContent(envelopeOf(z.array(listSchema)), "The lists", {
      exportList: {
        operationId: "exportList",
        description: "Each list can be exported by its id",
        parameters: { id: "$response.body#/data/0/id" },
      },
    }),
    ...callerProblems,
    404: problems[404],
    409: problems[409],
    502: problems[502],
    504: problems[504],
  },
})

/** The lists that can be exported. */
export function createListRoutes(deps: {
  readonly authenticated: MiddlewareHandler<CallerEnv>
  readonly requireLiveConnection: (owner: Owner) => Promise<unknown>
  /** Rejects with `access_token_not_found`, or with `connection_invalidated`. */
  readonly readLists: ReadLists
  readonly subscriptions: Pick<Subscriptions, "subscribed">
}) {
  const routes = new OpenAPIHono<CallerEnv>({ defaultHook: refuseInvalid })
  routes.use("/lists", deps.authenticated)

  routes.openapi(listsRoute, async (context) => {
    const { sub_account_id, refresh } = context.req.valid("query")
    const owner = toOwner(context.get("caller"), sub_account_id)
    if (isHead(context)) {
      await deps.requireLiveConnection(owner)
      return context.json(toEnvelope([]), 200)
    }
    const { signal } = context.req.raw
    const { connectionId, lists, ageS } = await deps.readLists(owner, { signal, refresh: refresh === "true" })
    context.header("age", String(Math.floor(ageS)))
    // What is ours is never kept.
    const subscribed = await deps.subscriptions.subscribed(connectionId)
    const data = lists.map(({ id, webId, name, memberCount, unsubscribeCount, cleanedCount }) => ({
      id,
      web_id: webId ?? null,
      name,
      member_count: memberCount,
      unsubscribe_count: unsubscribeCount,
      cleaned_count: cleanedCount,
      webhook: subscribed.has(id),
    }))
    return context.json(toEnvelope(data), 200)
  })

  return routes
}
