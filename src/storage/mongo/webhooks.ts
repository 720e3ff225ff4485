import { z } from "zod"
import type { Webhook, WebhookStore } from "../../webhooks/webhook.ts"
import { parseStored } from "../parse-stored.ts"
import { collectionNames } from "./collections.ts"
import { createEnsureIndexes, type MongoDatabase } from "./database.ts"

const documentSchema = z.object({
  _id: z.string(),
  connection_id: z.string(),
  account_id: z.string(),
  owner: z.string(),
  list_id: z.string(),
  created_at: z.date(),
  webhook_id: z.string().exactOptional(),
  signing_secret: z.string().exactOptional(),
})

/**
 * Webhooks in the collection `integrations.mailchimp.webhook`, one document each; the `_id` is the hash of the secret.
 * Signing secrets are stored as given: see `createSealedWebhooks`.
 */
export function createMongoWebhooks({ db, attempt }: MongoDatabase): WebhookStore {
  const collection = db.collection<{ _id: string; connection_id: string }>(collectionNames.webhooks)
  const ensureIndex = createEnsureIndexes(() => collection.createIndex({ connection_id: 1 }))

  return {
    insert: ({ secretHash, connectionId, owner, listId, createdAt }) =>
      attempt("store the webhook", async () => {
        const document = {
          _id: secretHash,
          connection_id: connectionId,
          account_id: owner.accountId,
          owner: owner.uid,
          list_id: listId,
          created_at: createdAt,
        }
        await ensureIndex()
        await collection.insertOne(document)
      }),

    find: (secretHash) =>
      attempt("find the webhook", async () => {
        const document = await collection.findOne({ _id: secretHash })
        return document === null ? undefined : toWebhook(document)
      }),

    ofConnection: (connectionId) =>
      attempt("find the webhooks", async () => {
        const documents = collection.find({ connection_id: connectionId })
        return (await documents.sort({ created_at: 1, _id: 1 }).toArray()).map(toWebhook)
      }),

    confirm: ({ secretHash }, { webhookId, signingSecret }) =>
      attempt("store the webhook", async () => {
        const made = {
          webhook_id: webhookId,
          ...(signingSecret !== undefined && { signing_secret: signingSecret }),
        }
        await collection.updateOne({ _id: secretHash }, { $set: made })
      }),

    delete: (secretHash) =>
      attempt("delete the webhook", async () => {
        await collection.deleteOne({ _id: secretHash })
      }),

    deleteOfConnection: (connectionId) =>
      attempt("delete the webhooks", async () => {
        await collection.deleteMany({ connection_id: connectionId })
      }),
  }
}

function toWebhook(document: unknown): Webhook {
  const stored = parseStored(documentSchema, document, "a stored webhook")
  return {
    secretHash: stored._id,
    connectionId: stored.connection_id,
    owner: { accountId: stored.account_id, uid: stored.owner },
    listId: stored.list_id,
    createdAt: stored.created_at,
    ...(stored.webhook_id !== undefined && { webhookId: stored.webhook_id }),
    ...(stored.signing_secret !== undefined && { signingSecret: stored.signing_secret }),
  }
}
