import { createHash } from "node:crypto"
import type { Owner } from "../connections/connection.ts"

/** A webhook that this service made for a list of a connection, or is about to make. */
export type Webhook = {
  /** SHA-256 of the secret in the webhook's address, in hex. The secret itself is not stored. */
  readonly secretHash: string
  readonly connectionId: string
  readonly owner: Owner
  readonly listId: string
  readonly createdAt: Date
  /** Mailchimp's id. Undefined until Mailchimp has confirmed that it made the webhook. */
  readonly webhookId?: string
  /** The key of the signatures, if the account signs its deliveries. */
  readonly signingSecret?: string
}

export type NewWebhook = Omit<Webhook, "webhookId" | "signingSecret">

/** The stored webhooks. Every method rejects with `database_unavailable` if the database cannot be reached. */
export type WebhookStore = {
  insert(webhook: NewWebhook): Promise<void>
  find(secretHash: string): Promise<Webhook | undefined>
  ofConnection(connectionId: string): Promise<readonly Webhook[]>
  /** Stores what Mailchimp responded when it made the webhook. Does nothing if the webhook is no longer stored. */
  confirm(
    webhook: NewWebhook,
    made: { readonly webhookId: string; readonly signingSecret?: string },
  ): Promise<void>
  delete(secretHash: string): Promise<void>
  deleteOfConnection(connectionId: string): Promise<void>
}

/** In hex, because everything that masks secrets in logs and errors masks long hex numbers. */
export function createSecret(): string {
  return crypto.getRandomValues(new Uint8Array(32)).toHex()
}

/** Whether a text has the form of a secret: 256 bits in hex. */
export function isSecret(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text)
}

export function toSecretHash(secret: string): string {
  return createHash("sha256").update(secret).digest("hex")
}
