import { z } from "zod"
import { isListId } from "../address.ts"
import type { MailchimpClient } from "../client.ts"
import { MailchimpError } from "../errors.ts"
import { pageOf, parseJson, type ReadOptions, smallResponseTimeoutMs } from "./collection.ts"
import { listAll } from "./list-all.ts"

/** What we subscribe to: everything that changes a member, from every source. */
const events = { subscribe: true, unsubscribe: true, profile: true, cleaned: true, upemail: true }
const sources = { user: true, admin: true, api: true }

/** A webhook of a list, of this service or of anybody else. */
export type ListWebhook = {
  readonly id: string
  readonly url: string
  /** False if Mailchimp says that it disabled the webhook, or if somebody switched off an event or a source. */
  readonly isComplete: boolean
}

/** What Mailchimp responds when it has made a webhook. */
export type NewListWebhook = {
  readonly id: string
  /** The key of the signatures. Only newer accounts have one, and only this response tells it. */
  readonly signingSecret?: string
}

const allOf = (names: object) =>
  z
    .record(z.string(), z.boolean().catch(false))
    .catch({})
    .transform((given) => Object.keys(names).every((name) => given[name]))

const hookSchema = z
  .object({
    id: z.string().refine(isListId),
    url: z.string(),
    events: allOf(events),
    sources: allOf(sources),
    // Undocumented, so it counts only if it is there.
    enabled: z.boolean().optional().catch(undefined),
  })
  .transform(({ id, url, ...hook }) => ({
    id,
    url,
    isComplete: hook.enabled !== false && hook.events && hook.sources,
  }))
  // Somebody else's malformed webhook must not hide ours.
  .catch({ id: "", url: "", isComplete: false })

const newHookSchema = z.object({
  id: z.string().refine(isListId),
  signing_secret: z.string().exactOptional(),
})

/** Reads all webhooks of a list. Rejects with `list_not_found`. */
export function readWebhooks(
  client: MailchimpClient,
  listId: string,
  options: ReadOptions,
): Promise<ListWebhook[]> {
  const hooks = listAll(client, {
    ...options,
    action: "read the webhooks",
    listId,
    resource: "webhooks",
    query: {},
    schema: pageOf("webhooks", hookSchema),
    key: ({ id }) => id,
  })
  return Array.fromAsync(hooks)
}

/** Makes a webhook. Not retried: if the request fails, Mailchimp may still have made it. */
export async function createWebhook(
  client: MailchimpClient,
  listId: string,
  url: string,
  options: ReadOptions,
): Promise<NewListWebhook> {
  const { id, signing_secret } = await client.request({
    ...options,
    timeoutMs: smallResponseTimeoutMs,
    action: "make the webhook",
    listId,
    resource: "webhooks",
    method: "POST",
    body: { url, events, sources },
    query: () => ({}),
    parse: (body) => parseJson(newHookSchema, body),
  })
  return { id, ...(signing_secret !== undefined && { signingSecret: signing_secret }) }
}

/** Deletes a webhook. Does nothing if the webhook or its list is gone. */
export async function deleteWebhook(
  client: MailchimpClient,
  listId: string,
  webhookId: string,
  options: ReadOptions,
): Promise<void> {
  const request = {
    ...options,
    timeoutMs: smallResponseTimeoutMs,
    action: "delete the webhook",
    listId,
    resource: `webhooks/${webhookId}`,
    method: "DELETE",
    query: () => ({}),
    parse: () => {},
  } as const
  await client.request(request).catch((error: unknown) => {
    if (!(error instanceof MailchimpError) || error.kind !== "not_found") throw error
  })
}
