import type { Hono } from "hono"
import { z } from "zod"
import type { Json } from "../members/member.ts"
import type { List } from "../state.ts"
import type { Deliverer } from "../webhooks/deliverer.ts"
import type { Webhook } from "../webhooks/webhook.ts"
import { response } from "./json-response.ts"
import { apiAddress, findList, type ApiBindings, type ApiContext } from "./context.ts"
import { selfLinks } from "./links.ts"
import { problemResponse } from "./problems.ts"

const flag = z.boolean().default(false)

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
  deliverer: () => Deliverer
  newId: () => string
}

/** Adds the webhooks of a list to the API. */
export function addWebhookRoutes(
  api: Hono<{ Bindings: ApiBindings }>,
  { deliverer, newId }: WebhookRoutesOptions,
) {
  return api
    .get("/lists/:list_id/webhooks", (c) => {
      const list = findList(c)
      if (!list) return problemResponse("resource_not_found")
      const address = `${apiAddress(c)}/lists/${list.id}`
      return response(c, {
        webhooks: list.webhooks.map((webhook) => writeWebhook(c, list, webhook)),
        list_id: list.id,
        total_items: list.webhooks.length,
        _links: selfLinks(`${address}/webhooks`, address),
      })
    })
    .post("/lists/:list_id/webhooks", async (c) => {
      const list = findList(c)
      if (!list) return problemResponse("resource_not_found")
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
      const webhook: Webhook = { id: newId(), url, events, sources, signingSecret, disabled: false }
      list.webhooks.push(webhook)
      // The secret is in this response only.
      return response(c, {
        ...writeWebhook(c, list, webhook),
        ...(signingSecret ? { signing_secret: signingSecret } : {}),
      })
    })
    .get("/lists/:list_id/webhooks/:webhook_id", (c) => {
      const list = findList(c)
      const webhook = list?.webhooks.find(({ id }) => id === c.req.param("webhook_id"))
      if (!list || !webhook) return problemResponse("resource_not_found")
      return response(c, writeWebhook(c, list, webhook))
    })
    .delete("/lists/:list_id/webhooks/:webhook_id", (c) => {
      const list = findList(c)
      const index = list?.webhooks.findIndex(({ id }) => id === c.req.param("webhook_id")) ?? -1
      if (!list || index === -1) return problemResponse("resource_not_found")
      list.webhooks.splice(index, 1)
      return new Response(null, { status: 204 })
    })
}

function writeWebhook(
  c: ApiContext,
  list: List,
  { id, url, events, sources }: Webhook,
): Record<string, Json> {
  const webhooks = `${apiAddress(c)}/lists/${list.id}/webhooks`
  return { id, url, events, sources, list_id: list.id, _links: selfLinks(`${webhooks}/${id}`, webhooks) }
}

function refuse(field: string, message: string): Response {
  return problemResponse("invalid_resource", { errors: [{ field, message }] })
}
