import type { Account } from "../connections/open-account.ts"
import type { Connection } from "../connections/connection.ts"
import { deleteWebhook, type ListWebhook, readWebhooks } from "../mailchimp/lists/webhooks.ts"
import { isSecret, toSecretHash, type Webhook, type WebhookStore } from "./webhook.ts"

/** A connection, and a client that sends requests on its behalf. */
export type User = Pick<Account, "client" | "connection">

export type WebhookOptions = { readonly signal: AbortSignal; readonly deadlineMs?: number }

/** A webhook of a list under our address, and what is stored for its secret. */
export type OurWebhook = { readonly hook: ListWebhook; readonly stored: Webhook | undefined }

/** The webhooks at Mailchimp under the address of this service. */
export type OurWebhooks = {
  /** All of one list, except what belongs to other connections. */
  read(user: User, listId: string, options: WebhookOptions): Promise<readonly OurWebhook[]>
  /** Deletes one at Mailchimp, and then what is stored for it. */
  remove(user: User, listId: string, webhook: OurWebhook, options: WebhookOptions): Promise<void>
}

/** @param deps.address the address of a webhook up to its secret */
export function createOurWebhooks(deps: {
  readonly webhooks: Pick<WebhookStore, "find" | "delete">
  readonly address: string
}): OurWebhooks {
  const { webhooks, address } = deps

  const findStored = async (hook: ListWebhook): Promise<OurWebhook> => {
    const secret = hook.url.slice(address.length)
    return { hook, stored: isSecret(secret) ? await webhooks.find(toSecretHash(secret)) : undefined }
  }

  return {
    read: async ({ client, connection }, listId, options) => {
      const hooks = await readWebhooks(client, listId, options)
      const ours = await Promise.all(hooks.filter(({ url }) => url.startsWith(address)).map(findStored))
      return ours.filter(({ stored }) => stored === undefined || isOfOwner(stored, connection))
    },

    remove: async ({ client }, listId, { hook, stored }, options) => {
      await deleteWebhook(client, listId, hook.id, options)
      if (stored !== undefined) await webhooks.delete(stored.secretHash)
    },
  }
}

/** The owner may have replaced the connection by a new one, and then the webhooks of the old one are of no use. */
function isOfOwner({ owner }: Webhook, connection: Connection): boolean {
  return owner.accountId === connection.owner.accountId && owner.uid === connection.owner.uid
}
