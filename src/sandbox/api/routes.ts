import { Hono } from "hono"
import type { ApiBindings } from "./context.ts"
import { addFieldRoutes } from "./field-routes.ts"
import { addListRoutes } from "./list-routes.ts"
import { addMemberRoutes, type MemberRoutesOptions } from "./member-routes.ts"
import { addWebhookRoutes, type WebhookRoutesOptions } from "./webhook-routes.ts"

export type ApiOptions = MemberRoutesOptions & WebhookRoutesOptions

/**
 * The Marketing API for lists, their members and their webhooks, to be mounted at `/3.0` and at `/{dc}/3.0`, because
 * real data centers are hosts.
 */
export function createApiRoutes(options: ApiOptions): Hono<{ Bindings: ApiBindings }> {
  const api = new Hono<{ Bindings: ApiBindings }>()
  addListRoutes(api, options.settings, options.clock)
  addFieldRoutes(api, options.settings)
  addMemberRoutes(api, options)
  addWebhookRoutes(api, options)
  return api
}
