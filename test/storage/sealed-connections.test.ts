import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { BSON } from "mongodb"
import type { ConnectionStore, Owner } from "../../src/connections/connection.ts"
import { createSealer, type SealerKey } from "../../src/sealer.ts"
import { createSealedConnections, type SealedConnectionsEvent } from "../../src/storage/sealed-connections.ts"
import { connectionStoreContract, found, newConnection, newOwner } from "../contracts/connection-store.ts"
import { describeWithMongodb, mongodbStartTimeoutMs } from "../support/mongodb.ts"
import {
  mongoUnderTest,
  type MongoUnderTest,
  sqliteUnderTest,
  type SqliteUnderTest,
  type StorageUnderTest,
  withRawMongo,
} from "../support/storage-under-test.ts"

const oldKey: SealerKey = { id: "2025", key: new Uint8Array(32).fill(1) }
const newKey: SealerKey = { id: "2026", key: new Uint8Array(32).fill(2) }

type Backend<Under extends StorageUnderTest> = {
  readonly name: string
  readonly describeSuite: (name: string, suite: () => void) => void
  create(): Under | Promise<Under>
  /** All stored bytes, read as Latin-1. */
  dump(storage: Under): string | Promise<string>
}

const sqlite: Backend<SqliteUnderTest> = {
  name: "SQLite",
  describeSuite: describe,
  create: () => sqliteUnderTest(),
  dump: ({ path }) => {
    const folder = dirname(path)
    return readdirSync(folder)
      .map((name) => readFileSync(join(folder, name), "latin1"))
      .join()
  },
}

const mongo: Backend<MongoUnderTest> = {
  name: "MongoDB",
  describeSuite: describeWithMongodb,
  create: () => mongoUnderTest(),
  dump: ({ uri }) =>
    withRawMongo(uri, async (db) => {
      const documents = await db.collection("integrations.mailchimp.key").find().toArray()
      return documents.map((document) => Buffer.from(BSON.serialize(document)).toString("latin1")).join()
    }),
}

suiteOver(sqlite)
suiteOver(mongo)

function suiteOver<Under extends StorageUnderTest>({ name, describeSuite, create, dump }: Backend<Under>) {
  connectionStoreContract(
    `${name}, sealed`,
    async () => {
      const storage = await create()
      const sealer = createSealer([newKey, oldKey])
      return {
        open: async () => createSealedConnections((await storage.open()).connections, sealer),
        close: storage.close,
      }
    },
    describeSuite,
  )

  describeSuite(`createSealedConnections() over ${name}`, () => {
    let storage: Under
    let plain: ConnectionStore
    const events: SealedConnectionsEvent[] = []

    beforeAll(async () => {
      storage = await create()
      plain = (await storage.open()).connections
    }, mongodbStartTimeoutMs)

    afterAll(() => storage.close())

    function sealedWith(...keys: [SealerKey, ...SealerKey[]]): ConnectionStore {
      return createSealedConnections(plain, createSealer(keys), { onEvent: (event) => events.push(event) })
    }

    /** The id of the key in the header of the stored token. */
    async function keyIdOf(owner: Owner): Promise<unknown> {
      const { accessToken } = await found(plain, owner)
      const [header = ""] = accessToken.split(".")
      return JSON.parse(Buffer.from(header, "base64url").toString()).kid
    }

    test("the stored bytes contain no plain token, inserted or updated", async () => {
      const [first, second] = ["3f1c52e09a7b4d6688aa0c1d2e3f4051", "9d8c7b6a594837261504f3e2d1c0b1a2"]
      const store = sealedWith(oldKey)
      const connection = newConnection(newOwner(), { accessToken: first })
      await store.insert(connection)
      await store.update(await found(store, connection.owner), { accessToken: second })
      const bytes = await dump(storage)
      expect(bytes).toContain(connection.owner.accountId)
      for (const token of [first, second]) {
        for (const text of [
          token,
          Buffer.from(token).toString("base64url").slice(0, 40),
          btoa(token).slice(0, 40),
        ]) {
          expect(bytes).not.toContain(text)
        }
      }
    })

    test("a plain token of an older service is read, and sealed by the next update of anything", async () => {
      const connection = newConnection(newOwner(), { accessToken: "0a1b2c3d4e5f60718293a4b5c6d7e8f9" })
      await plain.insert(connection)
      const store = sealedWith(oldKey)
      const before = await found(store, connection.owner)
      expect(before.accessToken).toBe(connection.accessToken)
      await store.update(before, { metadata: { dc: "us20" } })
      expect(await keyIdOf(connection.owner)).toBe("2025")
      expect(await found(store, connection.owner)).toEqual({ ...before, metadata: { dc: "us20" } })
    })

    test("a token of an older key is read, and sealed with the new one by the next update of anything", async () => {
      const connection = newConnection(newOwner())
      await sealedWith(oldKey).insert(connection)
      const rotated = sealedWith(newKey, oldKey)
      const before = await found(rotated, connection.owner)
      expect(before.accessToken).toBe(connection.accessToken)
      expect(await keyIdOf(connection.owner)).toBe("2025")
      await rotated.update(before, { tokenInvalidated: true })
      expect(await keyIdOf(connection.owner)).toBe("2026")
      const after = await found(sealedWith(newKey), connection.owner)
      expect(after).toEqual({ ...before, tokenInvalidated: true })
    })

    test("without its key a connection is invalidated and reported, and live again when the key is restored", async () => {
      const connection = newConnection(newOwner())
      await sealedWith(oldKey).insert(connection)
      const keyless = sealedWith(newKey)
      events.length = 0
      const seen = await found(keyless, connection.owner)
      expect(seen).toMatchObject({ id: connection.id, accessToken: "", tokenInvalidated: true })
      expect(events).toMatchObject([{ type: "token_not_opened", connectionId: connection.id }])
      expect(events[0]?.error.message).toEndWith("2025")

      await keyless.update(seen, { metadata: { dc: "us20" } })
      const back = await found(sealedWith(oldKey), connection.owner)
      expect(back).toMatchObject({ accessToken: connection.accessToken, tokenInvalidated: false })
      expect(back.metadata).toStrictEqual({ dc: "us20" })
    })

    test("without its key a connection can be replaced, like any invalidated one", async () => {
      const connection = newConnection(newOwner())
      await sealedWith(oldKey).insert(connection)
      const keyless = sealedWith(newKey)
      const { owner, id } = await found(keyless, connection.owner)
      expect(await keyless.delete(await found(keyless, owner))).toBe(true)
      expect(await keyless.insert(newConnection(owner, { id, accessToken: "renewed" }))).toBe(true)
      expect(await found(keyless, owner)).toMatchObject({
        id,
        accessToken: "renewed",
        tokenInvalidated: false,
      })
    })

    test("a sealed token that was copied to another owner's connection does not open there", async () => {
      const store = sealedWith(oldKey)
      for (const separator of ["", ",", `","`, "/", ":", " ", "\u0000"]) {
        const { accountId } = newOwner()
        const victim = newConnection({ accountId, uid: `b${separator}c` })
        const thief = newConnection({ accountId: `${accountId}${separator}b`, uid: "c" })
        for (const connection of [victim, thief]) await store.insert(connection)
        const { accessToken: stolen } = await found(plain, victim.owner)
        await plain.update(await found(plain, thief.owner), { accessToken: stolen })
        expect(await found(store, thief.owner)).toMatchObject({ accessToken: "", tokenInvalidated: true })
        expect((await found(store, victim.owner)).accessToken).toBe(victim.accessToken)
      }
    })

    test("a damaged sealed token does not open, and is not mistaken for a plain one", async () => {
      const store = sealedWith(oldKey)
      const connection = newConnection(newOwner())
      await store.insert(connection)
      const stored = await found(plain, connection.owner)
      const { accessToken } = stored
      for (const damaged of [
        accessToken.slice(0, -9),
        accessToken.slice(0, 12),
        accessToken.replace(".", ""),
      ]) {
        await plain.update(stored, { accessToken: damaged })
        expect(await found(store, connection.owner)).toMatchObject({
          accessToken: "",
          tokenInvalidated: true,
        })
      }
    })
  })
}
