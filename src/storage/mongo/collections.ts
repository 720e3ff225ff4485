import { BSON } from "mongodb"

/** The names of the collections. An older service has already created the first one. */
export const collectionNames = {
  connections: "integrations.mailchimp.key",
  usedStates: "integrations.mailchimp.used_state",
  webhooks: "integrations.mailchimp.webhook",
  deliveries: "integrations.mailchimp.delivery",
  jobs: "integrations.mailchimp.job",
} as const

/** The `_id` of a connection as a text. It is usually an ObjectId, but can have any type, which extended JSON keeps. */
export function toRevision(documentId: unknown): string {
  return BSON.EJSON.stringify(documentId, { relaxed: false })
}

/** The `_id` that {@link toRevision} made into a text. */
export function toDocumentId(revision: string) {
  return BSON.EJSON.parse(revision, { relaxed: false })
}
