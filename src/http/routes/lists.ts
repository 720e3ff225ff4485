import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi"
import type { MiddlewareHandler } from "hono"
import type { Owner } from "../../connections/connection.ts"
import type { OpenAccount } from "../../connections/open-account.ts"
import type { MailchimpList } from "../../mailchimp/lists/lists.ts"
import type { Subscriptions } from "../../webhooks/subscribe.ts"
import { toOwner, type CallerEnv } from "../authenticate.ts"
import { envelopeOf, toEnvelope } from "../envelope.ts"
import { bearerSecurity, callerProblems, jsonContent, problems } from "../openapi.ts"
import { isHead, refuseInvalid, subAccountId } from "../parameters.ts"
import type { MailchimpClient } from "../../mailchimp/client.ts"

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
  request: { query: z.strictObject({ sub_account_id: subAccountId }) },
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
  readonly openAccount: OpenAccount
  readonly requireLiveConnection: (owner: Owner) => Promise<unknown>
  readonly listLists: (client: MailchimpClient, signal: AbortSignal) => Promise<readonly MailchimpList[]>
  readonly subscriptions: Pick<Subscriptions, "subscribed">
}) {
  const routes = new OpenAPIHono<CallerEnv>({ defaultHook: refuseInvalid })
  routes.use("/lists", deps.authenticated)

  routes.openapi(listsRoute, async (context) => {
    const owner = toOwner(context.get("caller"), context.req.valid("query").sub_account_id)
    if (isHead(context)) {
      await deps.requireLiveConnection(owner)
      return context.json(toEnvelope([]), 200)
    }
    using account = await deps.openAccount(owner, context.req.raw.signal)
    const lists = await deps.listLists(account.client, context.req.raw.signal)
    const subscribed = await deps.subscriptions.subscribed(account.connection.id)
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
