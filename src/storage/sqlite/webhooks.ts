import type { Database } from "bun:sqlite"
import { z } from "zod"
import type { Webhook, WebhookStore } from "../../webhooks/webhook.ts"
import { parseStored } from "../parse-stored.ts"
import type { Attempt } from "./database.ts"

const rowSchema = z.object({
  secret_hash: z.string(),
  connection_id: z.string(),
  account_id: z.string(),
  owner: z.string(),
  list_id: z.string(),
  created_at_ms: z.int(),
  webhook_id: z.string().nullable(),
  signing_secret: z.string().nullable(),
})

/** Webhooks in one table, one row each. Signing secrets are stored as given: see `createSealedWebhooks`. */
export function createSqliteWebhooks(database: Database, attempt: Attempt): WebhookStore {
  const insert = database.query(
    `INSERT INTO webhooks (secret_hash, connection_id, account_id, owner, list_id, created_at_ms)
     VALUES ($secretHash, $connectionId, $accountId, $uid, $listId, $createdAtMs)`,
  )
  const find = database.query("SELECT * FROM webhooks WHERE secret_hash = $secretHash")
  const ofConnection = database.query(
    "SELECT * FROM webhooks WHERE connection_id = $connectionId ORDER BY created_at_ms, secret_hash",
  )
  const confirm = database.query(
    "UPDATE webhooks SET webhook_id = $webhookId, signing_secret = $signingSecret WHERE secret_hash = $secretHash",
  )
  const remove = database.query("DELETE FROM webhooks WHERE secret_hash = $secretHash")
  const removeOfConnection = database.query("DELETE FROM webhooks WHERE connection_id = $connectionId")

  return {
    insert: ({ secretHash, connectionId, owner, listId, createdAt }) =>
      attempt("store the webhook", () => {
        insert.run({ secretHash, connectionId, ...owner, listId, createdAtMs: createdAt.getTime() })
      }),

    find: (secretHash) =>
      attempt("find the webhook", () => {
        const row = find.get({ secretHash })
        return row === null ? undefined : toWebhook(row)
      }),

    ofConnection: (connectionId) =>
      attempt("find the webhooks", () => ofConnection.all({ connectionId }).map(toWebhook)),

    confirm: ({ secretHash }, { webhookId, signingSecret = null }) =>
      attempt("store the webhook", () => void confirm.run({ secretHash, webhookId, signingSecret })),

    delete: (secretHash) => attempt("delete the webhook", () => void remove.run({ secretHash })),

    deleteOfConnection: (connectionId) =>
      attempt("delete the webhooks", () => void removeOfConnection.run({ connectionId })),
  }
}

function toWebhook(row: unknown): Webhook {
  const stored = parseStored(rowSchema, row, "a stored webhook")
  return {
    secretHash: stored.secret_hash,
    connectionId: stored.connection_id,
    owner: { accountId: stored.account_id, uid: stored.owner },
    listId: stored.list_id,
    createdAt: new Date(stored.created_at_ms),
    ...(stored.webhook_id !== null && { webhookId: stored.webhook_id }),
    ...(stored.signing_secret !== null && { signingSecret: stored.signing_secret }),
  }
}
