import { type Collection, type Document, MongoServerError, ObjectId } from "mongodb"
import { z } from "zod"
import type {
  Connection,
  ConnectionChanges,
  ConnectionMetadata,
  ConnectionStore,
  Owner,
} from "../../connections/connection.ts"
import { AppError } from "../../errors.ts"
import { optional, parseConnection, parseStored, parseToDelete } from "../parse-stored.ts"
import { collectionNames, toDocumentId, toRevision } from "./collections.ts"
import { createEnsureIndexes, isInserted, type MongoDatabase } from "./database.ts"

/** Documents of an older service may lack the last three. */
const documentSchema = z.object({
  _id: z.unknown(),
  token: z.object({ access_token: z.string().min(1), metadata: z.unknown().optional() }),
  metadata: z.unknown().optional(),
  connection_id: optional(z.string()),
  connected_at: optional(z.date()),
  token_invalidated: optional(z.boolean()),
})

/** The metadata as Mailchimp sends them: `user_id` is a number. */
const metadataSchema = z.object({
  dc: z.string(),
  user_id: optional(z.union([z.string(), z.number()]).transform(String)),
  accountname: optional(z.string()),
})

/**
 * Connections in the collection `integrations.mailchimp.key`, one document each, with a unique index over `account_id`
 * and `owner`. A document's `_id` is the connection's revision, and every write is to that one `_id`: nothing here relies
 * on an atomic compare-and-update, which not every server of this protocol has. Unknown fields are kept. Tokens are
 * stored as given: see `createSealedConnections`.
 *
 * Documents of an older service are read without migration: with the metadata next to `token`, without `connection_id`
 * (the `_id` is used instead), and with an `account_id` or `owner` that is an ObjectId or a number. The owner's id matches
 * by the same digits; we ourselves write strings.
 */
export function createMongoConnections({ db, attempt }: MongoDatabase): ConnectionStore {
  const collection = db.collection(collectionNames.connections)
  const ensureIndex = createEnsureIndexes(() => createIndex(collection))

  return {
    find: (owner) =>
      attempt("find the connection", async () => {
        const document = await collection.findOne({ ...ownedBy(owner), disconnecting: { $ne: true } })
        return document === null ? undefined : parseDocument(document, owner)
      }),

    disconnecting: (owner) =>
      attempt("find the connections", async () => {
        const documents = collection.find({ ...(owner && ownedBy(owner)), disconnecting: true })
        return (await documents.toArray()).map((document) =>
          parseToDelete(() => parseDocument(document, owner ?? ownerOf(document))),
        )
      }),

    insert: (connection) =>
      attempt("store the connection", async () => {
        await ensureIndex()
        const insertion = collection.insertOne({
          account_id: connection.owner.accountId,
          owner: connection.owner.uid,
          connection_id: connection.id,
          token: { access_token: connection.accessToken, metadata: toDocument(connection.metadata) },
          token_invalidated: false,
          connected_at: connection.connectedAt,
        })
        return isInserted(insertion)
      }),

    update: ({ revision }, changes) =>
      attempt("change the connection", async () => {
        if (Object.keys(changes).length === 0) return
        await collection.updateOne({ _id: toDocumentId(revision) }, toUpdate(changes))
      }),

    delete: ({ revision }) =>
      attempt("delete the connection", async () => {
        const { deletedCount } = await collection.deleteOne({ _id: toDocumentId(revision) })
        return deletedCount === 1
      }),

    existing: (revisions) =>
      attempt("check the connections", async () => {
        // A secondary may not have a new connection yet, which would abort its export.
        const documents = collection.find(
          { _id: { $in: revisions.map(toDocumentId) }, disconnecting: { $ne: true } },
          { projection: { _id: 1 }, readPreference: "primary" },
        )
        return new Set((await documents.toArray()).map(({ _id }) => toRevision(_id)))
      }),
  }
}

/** Error codes: an index over the same fields has another name (85) or other options (86). */
const indexExistsOtherwise = [85, 86]

async function createIndex(collection: Collection): Promise<void> {
  await collection.createIndex({ account_id: 1, owner: 1 }, { unique: true }).catch((error: unknown) => {
    const exists = error instanceof MongoServerError && indexExistsOtherwise.includes(Number(error.code))
    if (!exists) throw error
  })
  const indexes = await collection.indexes()
  if (indexes.some(({ unique, key }) => unique && Object.keys(key).toSorted().join() === "account_id,owner"))
    return
  throw new AppError(
    "internal_error",
    `Cannot store the connection because the index of ${collectionNames.connections} over account_id and owner is not unique`,
  )
}

function ownedBy({ accountId, uid }: Owner) {
  return { account_id: { $in: spellings(accountId) }, owner: { $in: spellings(uid) } }
}

function ownerOf(document: Document): Owner {
  return { accountId: String(document["account_id"]), uid: String(document["owner"]) }
}

/** Throws a MalformedConnection if the document is malformed. */
function parseDocument(document: Document, owner: Owner): Connection {
  const { _id } = document
  const keys = { id: String(_id), revision: toRevision(_id), owner }
  return parseConnection(keys, () => toConnection(document, owner))
}

/** The values that an owner's id may have in a document of an older service. */
function spellings(id: string): unknown[] {
  const number = Number(id)
  return [
    id,
    ...(/^[0-9a-f]{24}$/.test(id) ? [new ObjectId(id)] : []),
    ...(Number.isSafeInteger(number) && String(number) === id ? [number] : []),
  ]
}

function toConnection(document: Document, owner: Owner): Connection {
  const name = `the stored connection ${String(document["_id"])}`
  const stored = parseStored(documentSchema, document, name)
  const { metadata } = parseStored(
    z.object({ metadata: metadataSchema }),
    { metadata: stored.token.metadata ?? stored.metadata },
    name,
  )
  return {
    id: stored.connection_id ?? String(stored._id),
    revision: toRevision(stored._id),
    owner,
    accessToken: stored.token.access_token,
    metadata: {
      dc: metadata.dc,
      ...(metadata.user_id !== undefined && { userId: metadata.user_id }),
      ...(metadata.accountname !== undefined && { accountName: metadata.accountname }),
    },
    ...(stored.connected_at !== undefined && { connectedAt: stored.connected_at }),
    tokenInvalidated: stored.token_invalidated ?? false,
  }
}

function toDocument({ dc, userId, accountName }: ConnectionMetadata): Document {
  return { dc, user_id: userId, accountname: accountName }
}

/** Updates field by field, so that other fields that an older service stored are kept. */
function toUpdate({ accessToken, metadata, tokenInvalidated, disconnecting }: ConnectionChanges): Document {
  const fields = Object.entries({
    ...(accessToken !== undefined && { "token.access_token": accessToken }),
    ...(tokenInvalidated !== undefined && { token_invalidated: tokenInvalidated }),
    ...(disconnecting !== undefined && { disconnecting }),
    ...(metadata !== undefined && {
      "token.metadata.dc": metadata.dc,
      "token.metadata.user_id": metadata.userId,
      "token.metadata.accountname": metadata.accountName,
    }),
  })
  const set = fields.filter(([, value]) => value !== undefined)
  const unset = fields.filter(([, value]) => value === undefined)
  return {
    $set: Object.fromEntries(set),
    ...(unset.length > 0 && { $unset: Object.fromEntries(unset.map(([field]) => [field, ""])) }),
  }
}
