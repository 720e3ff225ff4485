import type { Connection, ConnectionStore } from "../connections/connection.ts"
import { AppError } from "../errors.ts"
import type { Clock } from "../lib/time.ts"
import { MailchimpError } from "../mailchimp/errors.ts"
import { createWebhook } from "../mailchimp/lists/webhooks.ts"
import { createOurWebhooks, type OurWebhook, type User, type WebhookOptions } from "./our-webhooks.ts"
import { createSecret, toSecretHash, type Webhook, type WebhookStore } from "./webhook.ts"

export type Subscriptions = {
  /**
   * Leaves a list with one working webhook of this connection: reads the list's webhooks, and makes one if ours is gone,
   * disabled or changed. Rejects with `webhook_unreachable`, or with what Mailchimp says.
   */
  subscribe(user: User, listId: string, options: WebhookOptions): Promise<void>
  /** Removes our webhooks from a list. Does nothing if there are none, or the list is gone. */
  unsubscribe(user: User, listId: string, options: WebhookOptions): Promise<void>
  /** The ids of the lists of a connection that have a webhook. */
  subscribed(connectionId: string): Promise<ReadonlySet<string>>
}

/**
 * A webhook that is not confirmed after this time never will be: the process that made it was killed. Its signing secret is
 * lost, so it is made again.
 */
const unconfirmedMs = 120_000

export function createSubscriptions(deps: {
  readonly webhooks: WebhookStore
  readonly connections: Pick<ConnectionStore, "existing">
  /** The address of a webhook up to its secret. */
  readonly address: string
  /** Whether Mailchimp can reach that address. */
  readonly isReachable: boolean
  readonly clock: Pick<Clock, "now">
  readonly newSecret?: () => string
}): Subscriptions {
  const { webhooks, connections, address, clock, newSecret = createSecret } = deps

  const ours = createOurWebhooks({ webhooks, address })

  const isFresh = ({ createdAt }: Webhook) => clock.now() - createdAt.getTime() < unconfirmedMs
  const isWorking = ({ hook, stored }: OurWebhook, { id }: Connection) =>
    hook.isComplete &&
    stored?.connectionId === id &&
    stored.signingSecret !== "" &&
    (stored.webhookId !== undefined || isFresh(stored))

  /**
   * Removes all of our webhooks from the list but one that works. Resolves to whether there is one. Replicas that make a
   * webhook concurrently keep the same one, because each keeps the one with the smallest hash.
   */
  const tidy = async (user: User, listId: string, options: WebhookOptions): Promise<boolean> => {
    const { connection } = user
    const found = await ours.read(user, listId, options)
    const [kept] = found
      .filter((each) => isWorking(each, connection))
      .toSorted((a, b) => (hashOf(a) < hashOf(b) ? -1 : 1))
    for (const each of found) if (each !== kept) await ours.remove(user, listId, each, options)
    const present = new Set(found.map(hashOf))
    for (const webhook of await webhooks.ofConnection(connection.id)) {
      const isGone = webhook.listId === listId && !present.has(webhook.secretHash) && !isFresh(webhook)
      if (isGone) await webhooks.delete(webhook.secretHash)
    }
    return kept !== undefined
  }

  const make = async ({ client, connection }: User, listId: string, options: WebhookOptions) => {
    const secret = newSecret()
    const webhook = {
      secretHash: toSecretHash(secret),
      connectionId: connection.id,
      owner: connection.owner,
      listId,
      createdAt: new Date(clock.now()),
    }
    // Stored first, because Mailchimp requests the address, and may deliver to it, before its response arrives.
    await webhooks.insert(webhook)
    try {
      const existing = await connections.existing([connection.revision])
      if (!existing.has(connection.revision)) throw disconnected()
      const { id, ...made } = await createWebhook(client, listId, address + secret, options)
      await webhooks.confirm(webhook, { webhookId: id, ...made })
    } catch (error) {
      // Mailchimp may have made it nevertheless: the next call then finds a webhook whose secret is not known.
      await webhooks.delete(webhook.secretHash).catch(() => {})
      throw isRefusal(error) ? unreachable(refused, error) : error
    }
  }

  return {
    subscribe: async (user, listId, options) => {
      if (!deps.isReachable) throw unreachable(notPublic)
      if (await tidy(user, listId, options)) return
      await make(user, listId, options)
      await tidy(user, listId, options)
    },

    unsubscribe: async (user, listId, options) => {
      const found = await ours.read(user, listId, options).catch(ignoreMissingList)
      for (const each of found) await ours.remove(user, listId, each, options)
      for (const webhook of await webhooks.ofConnection(user.connection.id))
        if (webhook.listId === listId) await webhooks.delete(webhook.secretHash)
    },

    subscribed: async (connectionId) => {
      const stored = await webhooks.ofConnection(connectionId)
      return new Set(stored.filter(({ webhookId }) => webhookId !== undefined).map(({ listId }) => listId))
    },
  }
}

function hashOf({ stored }: OurWebhook): string {
  return stored?.secretHash ?? ""
}

/** Mailchimp rejects a webhook if it cannot reach the address. */
function isRefusal(error: unknown): error is MailchimpError {
  return error instanceof MailchimpError && error.kind === "rejected"
}

function ignoreMissingList(error: unknown): [] {
  if (error instanceof MailchimpError && error.kind === "not_found") return []
  throw error
}

const notPublic = "PUBLIC_URL is not an address that Mailchimp can reach"
const refused =
  "Mailchimp refused the address of this service: check that PUBLIC_URL is reachable from outside"

function unreachable(reason: string, cause?: MailchimpError): AppError {
  return new AppError("webhook_unreachable", `Cannot subscribe to the list's changes because ${reason}`, {
    upstream: cause?.upstream,
    cause,
  })
}

function disconnected(): AppError {
  return new AppError(
    "disconnected",
    "Cannot subscribe to the list's changes because the connection was deleted",
  )
}
