import { z } from "zod"
import { CannotOpen } from "../errors.ts"
import type { SealBinding, Sealer } from "../sealer.ts"
import type { NewWebhook, Webhook, WebhookStore } from "../webhooks/webhook.ts"
import { parseStored } from "./parse-stored.ts"

/**
 * Wraps a store so that signing secrets are stored sealed, each bound to its webhook. A signing secret that cannot be opened,
 * because its key was removed from TOKEN_KEYS, is an empty one: no signature is valid, and the next PUT makes the webhook
 * again.
 */
export function createSealedWebhooks(store: WebhookStore, sealer: Sealer): WebhookStore {
  async function open(webhook: Webhook): Promise<Webhook> {
    if (webhook.signingSecret === undefined) return webhook
    try {
      const opened = await sealer.open(webhook.signingSecret, signingSecretBinding(webhook))
      return { ...webhook, signingSecret: parseStored(z.string(), opened, "a signing secret") }
    } catch (error) {
      if (!(error instanceof CannotOpen)) throw error
      return { ...webhook, signingSecret: "" }
    }
  }

  return {
    ...store,
    find: async (secretHash) => {
      const webhook = await store.find(secretHash)
      return webhook === undefined ? undefined : open(webhook)
    },
    ofConnection: async (connectionId) => Promise.all((await store.ofConnection(connectionId)).map(open)),
    confirm: async (webhook, { webhookId, signingSecret }) =>
      store.confirm(webhook, {
        webhookId,
        ...(signingSecret !== undefined && {
          signingSecret: await sealer.seal(signingSecret, signingSecretBinding(webhook)),
        }),
      }),
  }
}

export function signingSecretBinding({
  connectionId,
  secretHash,
}: Pick<NewWebhook, "connectionId" | "secretHash">): SealBinding {
  return { purpose: "signing_secret", owner: JSON.stringify([connectionId, secretHash]) }
}
