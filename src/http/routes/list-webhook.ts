import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi"
import type { Context, MiddlewareHandler } from "hono"
import type { OpenAccount } from "../../connections/open-account.ts"
import { beforeResponseMs } from "../../exports/response-deadline.ts"
import type { Subscriptions } from "../../webhooks/subscribe.ts"
import { toOwner, type CallerEnv } from "../authenticate.ts"
import { envelopeOf, toEnvelope } from "../envelope.ts"
import { bearerSecurity, callerProblems, jsonContent, problems } from "../openapi.ts"
import { listId, refuseInvalid, subAccountId } from "../parameters.ts"

const request = {
  params: z.strictObject({ id: listId }),
  query: z.strictObject({ sub_account_id: subAccountId }),
}
const declaration = {
  path: "/lists/{id}/webhook",
  tags: ["Webhooks"],
  security: bearerSecurity,
  request,
}
const mailchimpProblems = {
  ...callerProblems,
  404: problems[404],
  409: problems[409],
  502: problems[502],
  504: problems[504],
}
const dataOf = <const T extends boolean>(webhook: T) =>
  envelopeOf(z.object({ list_id: z.string(), webhook: z.literal(webhook) }))

const subscribeRoute = createRoute({
  ...declaration,
  method: "put",
  operationId: "subscribeToList",
  summary: "Have Mailchimp deliver the changes of a list",
  description:
    "Makes a webhook at Mailchimp, or checks that it is still there and makes it again if somebody deleted it or Mailchimp disabled it. Idempotent. A PUBLIC_URL that Mailchimp cannot reach is a 400 `webhook_unreachable`.",
  responses: { 200: jsonContent(dataOf(true), "The list has one working webhook"), ...mailchimpProblems },
})

const unsubscribeRoute = createRoute({
  ...declaration,
  method: "delete",
  operationId: "unsubscribeFromList",
  summary: "Remove the webhook of a list",
  description: "Idempotent, also for a list that is gone.",
  responses: { 200: jsonContent(dataOf(false), "The list has no webhook of ours"), ...mailchimpProblems },
})

/** The webhook of a list. */
export function createListWebhookRoutes(deps: {
  readonly authenticated: MiddlewareHandler<CallerEnv>
  readonly openAccount: OpenAccount
  readonly subscriptions: Pick<Subscriptions, "subscribe" | "unsubscribe">
}) {
  const { openAccount, subscriptions } = deps
  const routes = new OpenAPIHono<CallerEnv>({ defaultHook: refuseInvalid })
  routes.use("/lists/:id/webhook", deps.authenticated)

  routes.openapi(subscribeRoute, async (context) => {
    const { id } = context.req.valid("param")
    using account = await open(context, context.req.valid("query").sub_account_id)
    await subscriptions.subscribe(account, id, optionsOf(context))
    return context.json(toEnvelope({ list_id: id, webhook: true as const }), 200)
  })

  routes.openapi(unsubscribeRoute, async (context) => {
    const { id } = context.req.valid("param")
    using account = await open(context, context.req.valid("query").sub_account_id)
    await subscriptions.unsubscribe(account, id, optionsOf(context))
    return context.json(toEnvelope({ list_id: id, webhook: false as const }), 200)
  })

  return routes

  function open(context: Context<CallerEnv>, subAccountId: string | undefined) {
    return openAccount(toOwner(context.get("caller"), subAccountId), context.req.raw.signal)
  }
}

function optionsOf({ req }: Context) {
  return { signal: req.raw.signal, deadlineMs: beforeResponseMs }
}
