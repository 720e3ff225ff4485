import type { Hono } from "hono"
import { z } from "zod"
import type { List } from "../account.ts"
import type { Json } from "../members/member.ts"
import type { Settings } from "../settings.ts"
import type { Deliverer } from "../webhooks/deliverer.ts"
import type { Webhook } from "../webhooks/webhook.ts"
import { collectionResponse } from "./collection.ts"
import { apiAddress, withList, type ApiBindings, type ApiContext } from "./context.ts"
import { jsonResponse } from "./json-response.ts"
import { selfLinks } from "./links.ts"
import { problemResponse } from "./problems.ts"

const flag = z.boolean().default(false)
const unused = { attempts: 0, failures: 0, disabled: false }

/** The body of a POST; omitted events and sources are off. */
const webhookSchema = z.object({
  url: z.url({ protocol: /^https?$/ }),
  events: z
    .object({
      subscribe: flag,
      unsubscribe: flag,
      profile: flag,
      cleaned: flag,
      upemail: flag,
      campaign: flag,
    })
    .prefault({}),
  sources: z.object({ user: flag, admin: flag, api: flag }).prefault({}),
})

export type WebhookRoutesOptions = {
  settings: Settings
  deliverer: () => Deliverer
  newId: () => string
}

/** Adds the webhooks of a list to the API. */
export function addWebhookRoutes(
  api: Hono<{ Bindings: ApiBindings }>,
  { settings, deliverer, newId }: WebhookRoutesOptions,
): void {
  api.get(
    "/lists/:list_id/webhooks",
    withList((c, list) => {
      const parent = `${apiAddress(c)}/lists/${list.id}`
      const rows = list.webhooks.map((webhook) => writeWebhook(c, list, webhook))
      return collectionResponse(c, settings, {
        name: "webhooks",
        rows,
        ids: { list_id: list.id },
        self: `${parent}/webhooks`,
        parent,
      })
    }),
  )

  api.post(
    "/lists/:list_id/webhooks",
    withList(async (c, list) => {
      const body = webhookSchema.safeParse(await c.req.json().catch(() => undefined))
      if (!body.success) {
        const errors = body.error.issues.map(({ path, message }) => ({ field: path.join("."), message }))
        return problemResponse("invalid_resource", { errors })
      }
      const { url, events, sources } = body.data
      const isTaken = () => list.webhooks.some((webhook) => webhook.url === url)
      if (isTaken()) return refuse("url", "Sorry, you can't set up multiple WebHooks for one URL")
      if (!(await deliverer().validate(url))) {
        return refuse("url", "We could not connect to the URL. It has to answer a GET with 200.")
      }
      // Checked again, because another request may have saved the URL during the check of the address.
      if (isTaken()) return refuse("url", "Sorry, you can't set up multiple WebHooks for one URL")
      const signingSecret = list.account.signsWebhooks ? `${newId()}${newId()}` : undefined
      const webhook: Webhook = { id: newId(), url, events, sources, signingSecret, ...unused }
      list.webhooks.push(webhook)
      // The secret is in this response only.
      return jsonResponse(c, {
        ...writeWebhook(c, list, webhook),
        ...(signingSecret ? { signing_secret: signingSecret } : {}),
      })
    }),
  )

  api.get(
    "/lists/:list_id/webhooks/:webhook_id",
    withList((c, list) => {
      const webhook = list.webhooks.find(({ id }) => id === c.req.param("webhook_id"))
      return webhook ? jsonResponse(c, writeWebhook(c, list, webhook)) : problemResponse("resource_not_found")
    }),
  )

  api.delete(
    "/lists/:list_id/webhooks/:webhook_id",
    withList((c, list) => {
      const index = list.webhooks.findIndex(({ id }) => id === c.req.param("webhook_id"))
      if (index === -1) return problemResponse("resource_not_found")
      list.webhooks.splice(index, 1)
      return new Response(null, { status: 204 })
    }),
  )
}

function writeWebhook(
  c: ApiContext,
  list: List,
  { id, url, events, sources, disabled }: Webhook,
): Record<string, Json> {
  const webhooks = `${apiAddress(c)}/lists/${list.id}/webhooks`
  return {
    id,
    url,
    events,
    sources,
    // An assumption: no document says how the API shows that a webhook is disabled.
    ...(disabled ? { enabled: false } : {}),
    list_id: list.id,
    _links: selfLinks(`${webhooks}/${id}`, webhooks),
  }
}

function refuse(field: string, message: string): Response {
  return problemResponse("invalid_resource", { errors: [{ field, message }] })
}
