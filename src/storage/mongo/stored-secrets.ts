import type { Document } from "mongodb"
import { z } from "zod"
import type { StoredSecret, StoredSecrets } from "../reseal.ts"
import { tokenBinding } from "../sealed-connections.ts"
import { signingSecretBinding } from "../sealed-webhooks.ts"
import { collectionNames, toDocumentId, toRevision } from "./collections.ts"
import type { MongoDatabase } from "./database.ts"

const token = z.object({ token: z.object({ access_token: z.string().min(1) }) })
const webhook = z.object({ _id: z.string(), connection_id: z.string(), signing_secret: z.string() })
const cursor = z.string().optional().catch(undefined)
const job = z.object({
  progress: z.object({ cursor }).optional().catch(undefined),
  request: z.object({ cursor }).optional().catch(undefined),
})

/**
 * A server that does not compare and update atomically, as FerretDB, may undo a change of the service. That is harmless: the
 * token of a document never changes, only what seals it.
 */
export function createMongoSecrets({ db, attempt }: MongoDatabase): StoredSecrets {
  const connections = db.collection(collectionNames.connections)
  const webhooks = db.collection<Document & { _id: string }>(collectionNames.webhooks)
  const jobs = db.collection(collectionNames.jobs)

  async function* all(): AsyncGenerator<StoredSecret> {
    const projection = { account_id: 1, owner: 1, "token.access_token": 1 }
    for await (const document of connections.find({}, { projection })) {
      const { data } = token.safeParse(document)
      if (data === undefined) continue
      const owner = { accountId: String(document["account_id"]), uid: String(document["owner"]) }
      const id = toRevision(document._id)
      yield { kind: "token", id, text: data.token.access_token, binding: tokenBinding(owner) }
    }
    for await (const document of webhooks.find({ signing_secret: { $exists: true } })) {
      const { data } = webhook.safeParse(document)
      if (data === undefined) continue
      const { _id: id, connection_id: connectionId, signing_secret: text } = data
      yield {
        kind: "signing_secret",
        id,
        text,
        binding: signingSecretBinding({ connectionId, secretHash: id }),
      }
    }
  }

  const replaceToken = async ({ id, text }: StoredSecret, sealed: string) => {
    const found = { _id: toDocumentId(id), "token.access_token": text }
    return connections.updateOne(found, { $set: { "token.access_token": sealed } })
  }
  const replaceSigningSecret = async ({ id, text }: StoredSecret, sealed: string) =>
    webhooks.updateOne({ _id: id, signing_secret: text }, { $set: { signing_secret: sealed } })

  return {
    all: () => attemptAll(all()),
    replace: (secret, sealed) =>
      attempt("seal a secret", async () => {
        const replace = secret.kind === "token" ? replaceToken : replaceSigningSecret
        return (await replace(secret, sealed)).matchedCount === 1
      }),
    cursors: () => attemptAll(cursors()),
  }

  async function* cursors() {
    const projection = { "progress.cursor": 1, "request.cursor": 1 }
    for await (const document of jobs.find({}, { projection })) {
      const { progress, request } = job.parse(document)
      const text = progress?.cursor ?? request?.cursor
      if (text !== undefined) yield text
    }
  }

  /** Each step of a generator as an attempt, so that an unreachable server is `database_unavailable`. */
  async function* attemptAll<T>(generator: AsyncGenerator<T>): AsyncGenerator<T> {
    for (;;) {
      const next = await attempt("read the secrets", () => generator.next())
      if (next.done) return
      yield next.value
    }
  }
}
