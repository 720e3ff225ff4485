import type { Connection } from "../connections/connection.ts"
import type { Leftover } from "../connections/disconnect.ts"
import { AppError } from "../errors.ts"
import { type Clock, TimedOut, withTimeout } from "../lib/time.ts"
import type { MailchimpClient } from "../mailchimp/client.ts"
import { deleteWebhook } from "../mailchimp/lists/webhooks.ts"
import type { Subscriptions } from "./subscribe.ts"
import type { Webhook, WebhookStore } from "./webhook.ts"

/** For all lists together, because a person waits for the disconnection. */
const timeoutMs = 20_000

/**
 * Removes the webhooks of a connection from its lists at Mailchimp, as far as that is possible within 20 s, and resolves to
 * those that are left. A webhook that is left gets 410 at its next delivery, which disables it.
 */
export function createRemoveWebhooks(deps: {
  readonly webhooks: Pick<WebhookStore, "ofConnection">
  readonly unsubscribe: Subscriptions["unsubscribe"]
  /** A client that works while the connection is being disconnected. */
  readonly open: (connection: Connection) => Disposable & { readonly client: MailchimpClient }
  readonly clock: Clock
}): (connection: Connection) => Promise<readonly Leftover[]> {
  const { webhooks, unsubscribe, open, clock } = deps

  return async (connection) => {
    const stored = await webhooks.ofConnection(connection.id)
    if (stored.length === 0) return []
    if (connection.tokenInvalidated) return stored.map(({ listId }) => ({ listId, reason: tokenGone }))
    using opened = open(connection)
    const user = { client: opened.client, connection }
    const remove = async ({ listId, webhookId }: Webhook, signal: AbortSignal) => {
      const options = { signal, deadlineMs: timeoutMs }
      // Mailchimp's id of a webhook that was not confirmed is not known.
      if (webhookId === undefined) await unsubscribe(user, listId, options)
      else await deleteWebhook(opened.client, listId, webhookId, options)
    }
    const removals = stored.map(async (webhook): Promise<readonly Leftover[]> => {
      const { listId } = webhook
      try {
        await withTimeout((signal) => remove(webhook, signal), { timeoutMs, clock })
        return []
      } catch (error) {
        if (error instanceof AppError) return [{ listId, reason: error.detail }]
        if (error instanceof TimedOut) return [{ listId, reason: outOfTime }]
        throw error
      }
    })
    return (await Promise.all(removals)).flat()
  }
}

const tokenGone = "Cannot delete the webhook because the token of the connection is no longer valid"
const outOfTime = "Cannot delete the webhook because Mailchimp did not respond in time"
