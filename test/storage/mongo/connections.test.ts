import { afterAll, beforeAll, expect, test } from "bun:test"
import { type Document, Long, ObjectId } from "mongodb"
import type { ConnectionStore } from "../../../src/connections/connection.ts"
import { AppError } from "../../../src/errors.ts"
import { createSealer } from "../../../src/sealer.ts"
import { createSealedConnections } from "../../../src/storage/sealed-connections.ts"
import { connectionStoreRaces } from "../../contracts/connection-races.ts"
import {
  connectionStoreContract,
  found,
  newConnection,
  newOwner,
  type StoreUnderTest,
} from "../../contracts/connection-store.ts"
import {
  atomicMongodb,
  describeWithMongodb,
  mongodbServers,
  mongodbStartTimeoutMs,
  type MongodbServer,
} from "../../support/mongodb.ts"
import { mongoUnderTest, type MongoUnderTest, withRawMongo } from "../../support/storage-under-test.ts"

const collectionName = "integrations.mailchimp.key"
const plainToken = "5e0f1a2b3c4d5e6f708192a3b4c5d6e7"

async function connectionsUnderTest(server: MongodbServer): Promise<StoreUnderTest<ConnectionStore>> {
  const storage = await mongoUnderTest(server)
  return { open: async () => (await storage.open()).connections, close: storage.close }
}

for (const server of mongodbServers)
  connectionStoreContract(`${server.name}, plain`, () => connectionsUnderTest(server), server.describe)

connectionStoreRaces(atomicMongodb.name, () => connectionsUnderTest(atomicMongodb), atomicMongodb.describe)

describeWithMongodb("documents in integrations.mailchimp.key", () => {
  let storage: MongoUnderTest
  let store: ConnectionStore

  beforeAll(async () => {
    storage = await mongoUnderTest()
    const sealer = createSealer([{ id: "1", key: new Uint8Array(32) }])
    store = createSealedConnections((await storage.open()).connections, sealer)
  }, mongodbStartTimeoutMs)

  afterAll(() => storage.close())

  function insertRaw(document: Document): Promise<unknown> {
    return withRawMongo(storage.uri, (db) => db.collection(collectionName).insertOne(document))
  }

  function readRaw(filter: Document): Promise<Document | null> {
    return withRawMongo(storage.uri, (db) => db.collection(collectionName).findOne(filter))
  }

  /** A document of an older service, with unknown fields at every level. */
  function olderDocument(changes: Document = {}): Document & { account_id: string; owner: string } {
    const { accountId, uid } = newOwner()
    return {
      account_id: accountId,
      owner: uid,
      token: {
        access_token: plainToken,
        expires_in: 0,
        scope: null,
        metadata: {
          dc: "us3",
          role: "admin",
          accountname: "Acme",
          user_id: 131656250,
          login: { login_id: 168278758 },
        },
      },
      integration: "mailchimp",
      created: { by: "older service", tags: [1, null, "x"] },
      ...changes,
    }
  }

  test("are written in the documented shape", async () => {
    const connection = newConnection(newOwner())
    await store.insert(connection)
    expect(await readRaw({ account_id: connection.owner.accountId })).toEqual({
      _id: expect.any(ObjectId),
      account_id: connection.owner.accountId,
      owner: connection.owner.uid,
      connection_id: connection.id,
      token: {
        access_token: expect.stringMatching(/^eyJ/),
        metadata: { dc: "us19", user_id: "131656250", accountname: "Acme" },
      },
      token_invalidated: false,
      connected_at: connection.connectedAt,
    })
  })

  test("of an older service are read: plain token, metadata inside the token, no id, no date", async () => {
    const document = olderDocument({ _id: new ObjectId() })
    await insertRaw(document)
    const owner = { accountId: document.account_id, uid: document.owner }
    expect(await store.find(owner)).toStrictEqual({
      id: String(document["_id"]),
      revision: expect.any(String),
      owner,
      accessToken: plainToken,
      metadata: { dc: "us3", userId: "131656250", accountName: "Acme" },
      tokenInvalidated: false,
    })
  })

  test("of an older service keep every unknown field when they are updated, and their token is sealed", async () => {
    const document = olderDocument()
    await insertRaw(document)
    const before = await found(store, { accountId: document.account_id, uid: document.owner })
    await store.update(before, { metadata: { dc: "us20", userId: "7" }, tokenInvalidated: true })

    const { accountname: _, ...metadata } = document["token"].metadata
    expect(await readRaw({ account_id: document.account_id })).toEqual({
      ...document,
      token_invalidated: true,
      token: {
        ...document["token"],
        access_token: expect.stringMatching(/^eyJ/),
        metadata: { ...metadata, dc: "us20", user_id: "7" },
      },
    })
    expect(await found(store, before.owner)).toEqual({
      ...before,
      metadata: { dc: "us20", userId: "7" },
      tokenInvalidated: true,
    })
  })

  test("with the metadata next to the token are read and written", async () => {
    const { token, ...rest } = olderDocument()
    await insertRaw({ ...rest, token: { access_token: plainToken }, metadata: token.metadata })
    const before = await found(store, { accountId: rest.account_id, uid: rest.owner })
    expect(before.metadata).toEqual({ dc: "us3", userId: "131656250", accountName: "Acme" })

    await store.update(before, { tokenInvalidated: true })
    expect(await found(store, before.owner)).toEqual({ ...before, tokenInvalidated: true })
    expect(await readRaw({ account_id: rest.account_id })).toMatchObject({
      metadata: token.metadata,
      token: { access_token: expect.stringMatching(/^eyJ/) },
    })

    await store.update(before, { metadata: { dc: "us20" } })
    expect((await found(store, before.owner)).metadata).toStrictEqual({ dc: "us20" })
  })

  test.each([
    ["an ObjectId", new ObjectId("65ab65ab65ab65ab65ab65a1"), new ObjectId("65ab65ab65ab65ab65ab65a2")],
    ["a number", 4_711, 42],
    ["a string", "65ab65ab65ab65ab65ab65a3", "9007199254740993"],
  ])("whose account and owner are each %s match the same digits", async (_, accountId, uid) => {
    await insertRaw(olderDocument({ account_id: accountId, owner: uid }))
    const owner = { accountId: String(accountId), uid: String(uid) }
    const connection = await found(store, owner)
    expect(connection.owner).toEqual(owner)
    expect(await store.find({ ...owner, uid: `0${owner.uid}` })).toBeUndefined()
    await store.update(connection, { tokenInvalidated: true })
    expect(await found(store, owner)).toEqual({ ...connection, tokenInvalidated: true })
    expect(await store.delete(connection)).toBe(true)
  })

  test.each([["a text"], [7], [Long.fromString("9007199254740993")], [{ nested: "id" }]])(
    "whose _id is %j are updated, deleted and found by it",
    async (_id) => {
      const document = olderDocument()
      await insertRaw({ ...document, _id })
      const connection = await found(store, { accountId: document.account_id, uid: document.owner })
      await store.update(connection, { tokenInvalidated: true })
      expect((await found(store, connection.owner)).tokenInvalidated).toBe(true)
      expect(await store.existing([connection.revision])).toEqual(new Set([connection.revision]))
      expect(await store.delete(connection)).toBe(true)
      expect(await store.existing([connection.revision])).toEqual(new Set())
      expect(await store.find(connection.owner)).toBeUndefined()
    },
  )

  test.each([
    ["token", { token: null }],
    ["token.access_token", { token: { metadata: { dc: "us1" } } }],
    ["metadata", { token: { access_token: plainToken } }],
    ["metadata.dc", { token: { access_token: plainToken, metadata: { dc: 19 } } }],
    ["token_invalidated", { token_invalidated: "yes" }],
  ])(
    "with a malformed %s are refused with an error that names the field but not the token",
    async (field, changes) => {
      const document = olderDocument(changes)
      await insertRaw(document)
      const owner = { accountId: document.account_id, uid: document.owner }
      const plain = (await storage.open()).connections
      const error: unknown = await plain.find(owner).catch((error: unknown) => error)
      if (!(error instanceof AppError)) throw error
      expect(error.code).toBe("internal_error")
      expect(error.message).toEndWith(`because it is malformed: ${field}`)
      expect(Bun.inspect(error)).not.toContain(plainToken)

      // The owner sees an invalidated connection and can delete it.
      const standIn = await found(store, owner)
      expect(standIn).toMatchObject({ tokenInvalidated: true, accessToken: "", owner })
      expect(await store.delete(standIn)).toBe(true)
      expect(await store.find(owner)).toBeUndefined()
    },
  )
})

async function withStorage(check: (storage: MongoUnderTest) => Promise<void>) {
  const storage = await mongoUnderTest()
  try {
    await check(storage)
  } finally {
    await storage.close()
  }
}

describeWithMongodb("the unique index", () => {
  test(
    "covers account_id and owner, and is created before the first insert",
    () =>
      withStorage(async (storage) => {
        await (await storage.open()).connections.insert(newConnection(newOwner()))
        const indexes = await withRawMongo(storage.uri, (db) => db.collection(collectionName).indexes())
        expect(indexes).toContainEqual(
          expect.objectContaining({ key: { account_id: 1, owner: 1 }, unique: true }),
        )
      }),
    mongodbStartTimeoutMs,
  )

  test("may already exist under any name", () =>
    withStorage(async (storage) => {
      await withRawMongo(storage.uri, (db) =>
        db
          .collection(collectionName)
          .createIndex({ account_id: 1, owner: 1 }, { unique: true, name: "by_owner" }),
      )
      const { connections } = await storage.open()
      const connection = newConnection(newOwner())
      expect(await connections.insert(connection)).toBe(true)
      expect(await connections.insert(connection)).toBe(false)
    }))

  test("that exists but is not unique is refused before anything is stored", () =>
    withStorage(async (storage) => {
      await withRawMongo(storage.uri, (db) =>
        db.collection(collectionName).createIndex({ account_id: 1, owner: 1 }),
      )
      const { connections } = await storage.open()
      const connection = newConnection(newOwner())
      await expect(connections.insert(connection)).rejects.toMatchObject({ code: "internal_error" })
      expect(await connections.find(connection.owner)).toBeUndefined()
    }))
})
