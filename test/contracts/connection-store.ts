import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { Connection, ConnectionStore, NewConnection, Owner } from "../../src/connections/connection.ts"
import { mongodbStartTimeoutMs } from "../support/mongodb.ts"

export type StoreUnderTest<Store> = {
  /** Each call creates another client of the same data, like another replica. */
  open(): Promise<Store>
  close(): Promise<void>
}

let owners = 0

/** An owner that no other test uses. */
export function newOwner(): Owner {
  owners += 1
  return { accountId: `account-${owners}`, uid: "user-1" }
}

export function newConnection(owner: Owner, changes: Partial<NewConnection> = {}): NewConnection {
  return {
    id: crypto.randomUUID(),
    owner,
    accessToken: "1b2c3d4e5f60718293a4b5c6d7e8f901",
    metadata: { dc: "us19", userId: "131656250", accountName: "Acme" },
    connectedAt: new Date("2026-03-01T10:00:00.123Z"),
    ...changes,
  }
}

/** The owner's connection, which must be there. */
export async function found(store: Pick<ConnectionStore, "find">, owner: Owner): Promise<Connection> {
  const connection = await store.find(owner)
  if (connection === undefined) throw new Error("the connection does not exist")
  return connection
}

/** The contract of every connection store and every decorator around one. */
export function connectionStoreContract(
  name: string,
  create: () => Promise<StoreUnderTest<ConnectionStore>> | StoreUnderTest<ConnectionStore>,
  describeSuite: (name: string, suite: () => void) => void = describe,
) {
  describeSuite(`${name}: connections`, () => {
    let underTest: StoreUnderTest<ConnectionStore>
    let store: ConnectionStore

    beforeAll(async () => {
      underTest = await create()
      store = await underTest.open()
    }, mongodbStartTimeoutMs)

    afterAll(() => underTest.close())

    async function inserted(connection: NewConnection): Promise<Connection> {
      expect(await store.insert(connection)).toBe(true)
      return found(store, connection.owner)
    }

    test("find() returns what was inserted, not invalidated", async () => {
      const connection = newConnection(newOwner())
      expect(await inserted(connection)).toEqual({
        ...connection,
        revision: expect.any(String),
        tokenInvalidated: false,
      })
    })

    test("find() preserves every character and omits fields that were not inserted", async () => {
      const hostile = `"'\\$.\u0000\u2028é😀\n`
      const owner = { accountId: `${newOwner().accountId}-é😀"'$.`, uid: `$ne: null'; --` }
      const connection = newConnection(owner, { metadata: { dc: "us1", accountName: hostile } })
      const { metadata, owner: stored } = await inserted(connection)
      expect(metadata).toStrictEqual({ dc: "us1", accountName: hostile })
      expect(stored).toStrictEqual(owner)
    })

    test("find() resolves to undefined for an owner without a connection", async () => {
      expect(await store.find(newOwner())).toBeUndefined()
    })

    test("a connection is found by its owner only: account and user both count, and so does the boundary between them", async () => {
      const { accountId } = newOwner()
      await inserted(newConnection({ accountId, uid: "ab" }))
      for (const owner of [
        { accountId, uid: "a" },
        { accountId, uid: "AB" },
        { accountId, uid: "ab " },
        { accountId: `${accountId}a`, uid: "b" },
        { accountId: "ab", uid: accountId },
      ]) {
        expect(await store.find(owner)).toBeUndefined()
      }
    })

    test("insert() resolves to false and changes nothing if the owner has a connection", async () => {
      const first = await inserted(newConnection(newOwner()))
      const second = newConnection(first.owner, { accessToken: "another", metadata: { dc: "us2" } })
      expect(await store.insert(second)).toBe(false)
      expect(await found(store, first.owner)).toEqual(first)
    })

    test("update() writes the given fields and keeps the others", async () => {
      const before = await inserted(newConnection(newOwner()))
      const metadata = { dc: "us20", userId: "7", accountName: "Other" }
      await store.update(before, { metadata })
      expect(await found(store, before.owner)).toEqual({ ...before, metadata })
      await store.update(before, { tokenInvalidated: true })
      expect(await found(store, before.owner)).toEqual({ ...before, metadata, tokenInvalidated: true })
      await store.update(before, { accessToken: "renewed" })
      const after = await found(store, before.owner)
      expect(after).toEqual({ ...before, metadata, tokenInvalidated: true, accessToken: "renewed" })
    })

    test("update() of metadata removes fields that the new metadata do not have", async () => {
      const before = await inserted(newConnection(newOwner()))
      await store.update(before, { metadata: { dc: "us20" } })
      expect((await found(store, before.owner)).metadata).toStrictEqual({ dc: "us20" })
    })

    test("update() with no changes changes nothing", async () => {
      const before = await inserted(newConnection(newOwner()))
      await store.update(before, {})
      expect(await found(store, before.owner)).toEqual(before)
    })

    test("update() and delete() of a replaced connection do not affect the new one", async () => {
      const old = await inserted(newConnection(newOwner()))
      expect(await store.delete(old)).toBe(true)
      const successor = await inserted(newConnection(old.owner, { id: old.id }))
      expect(successor.revision).not.toBe(old.revision)
      await store.update(old, { tokenInvalidated: true, accessToken: "late", metadata: { dc: "us1" } })
      expect(await store.delete(old)).toBe(false)
      expect(await found(store, old.owner)).toEqual(successor)
    })

    test("update() of a deleted connection does not restore it", async () => {
      const connection = await inserted(newConnection(newOwner()))
      await store.delete(connection)
      await store.update(connection, { tokenInvalidated: true })
      expect(await store.find(connection.owner)).toBeUndefined()
    })

    test("delete() deletes that connection and no other", async () => {
      const [gone, kept] = [
        await inserted(newConnection(newOwner())),
        await inserted(newConnection(newOwner())),
      ]
      expect(await store.delete(gone)).toBe(true)
      expect(await store.find(gone.owner)).toBeUndefined()
      expect(await found(store, kept.owner)).toEqual(kept)
    })

    test("existing() returns the stored revisions, whether or not a connection was replaced", async () => {
      const kept = await inserted(newConnection(newOwner()))
      const replaced = await inserted(newConnection(newOwner()))
      const gone = await inserted(newConnection(newOwner()))
      await store.delete(replaced)
      const successor = await inserted(newConnection(replaced.owner, { id: replaced.id }))
      await store.delete(gone)
      await store.update(kept, { tokenInvalidated: true, metadata: { dc: "us2" } })
      const requested = [kept, replaced, gone, successor].map(({ revision }) => revision)
      const replica = await underTest.open()
      for (const looking of [store, replica])
        expect(await looking.existing(requested)).toEqual(new Set([kept.revision, successor.revision]))
      expect(await store.existing([gone.revision])).toEqual(new Set())
      expect(await store.existing([])).toEqual(new Set())
    })

    test("existing() of hundreds of revisions is one query with a result for each", async () => {
      const one = await inserted(newConnection(newOwner()))
      const many = Array.from({ length: 400 }, () => one.revision)
      expect(await store.existing(many)).toEqual(new Set([one.revision]))
    })

    test("a connection that is being disconnected is found by disconnecting() alone, and keeps its place", async () => {
      const [connection, other, live] = [
        await inserted(newConnection(newOwner())),
        await inserted(newConnection(newOwner())),
        await inserted(newConnection(newOwner())),
      ]
      expect(await store.disconnecting(connection.owner)).toEqual([])
      for (const each of [connection, other]) await store.update(each, { disconnecting: true })
      const replica = await underTest.open()
      for (const looking of [store, replica]) {
        expect(await looking.find(connection.owner)).toBeUndefined()
        expect(await looking.existing([connection.revision, live.revision])).toEqual(new Set([live.revision]))
        expect(await looking.disconnecting(connection.owner)).toEqual([connection])
        const all = await looking.disconnecting()
        expect(all).toEqual(expect.arrayContaining([connection, other]))
        expect(all).not.toContainEqual(live)
      }
      expect(await store.insert(newConnection(connection.owner))).toBe(false)
      expect(await store.delete(connection)).toBe(true)
      expect(await store.disconnecting(connection.owner)).toEqual([])
      await inserted(newConnection(connection.owner))
    })

    test("of 50 concurrent insert() calls through 5 replicas, one wins, and its connection is stored", async () => {
      const replicas = await Promise.all(Array.from({ length: 5 }, () => underTest.open()))
      const owner = newOwner()
      const connections = Array.from({ length: 50 }, () => newConnection(owner))
      const results = await Promise.all(
        connections.map((connection, index) => replicas[index % replicas.length]!.insert(connection)),
      )
      expect(results.filter(Boolean)).toHaveLength(1)
      expect((await found(store, owner)).id).toBe(connections[results.indexOf(true)]!.id)
    })

    test("of 50 concurrent delete() calls through 5 replicas, one wins", async () => {
      const replicas = await Promise.all(Array.from({ length: 5 }, () => underTest.open()))
      const connection = await inserted(newConnection(newOwner()))
      const results = await Promise.all(
        Array.from({ length: 50 }, (_, index) => replicas[index % replicas.length]!.delete(connection)),
      )
      expect(results.filter(Boolean)).toHaveLength(1)
      expect(await store.find(connection.owner)).toBeUndefined()
    })

    test("a connection that is deleted while it is changed does not come back", async () => {
      const replica = await underTest.open()
      for (let round = 0; round < 10; round += 1) {
        const connection = await inserted(newConnection(newOwner()))
        const [, isDeleted] = await Promise.all([
          store.update(connection, { tokenInvalidated: true }),
          replica.delete(connection),
          replica.update(connection, { disconnecting: true }),
        ])
        expect(isDeleted).toBe(true)
        expect(await store.find(connection.owner)).toBeUndefined()
        expect(await store.disconnecting(connection.owner)).toEqual([])
      }
    })

    test("50 concurrent reconnections, each a delete() and an insert(), leave one connection", async () => {
      const old = await inserted(newConnection(newOwner()))
      const results = await Promise.all(
        Array.from({ length: 50 }, async () => {
          await store.delete(old)
          return store.insert(newConnection(old.owner))
        }),
      )
      expect(results.filter(Boolean)).toHaveLength(1)
      expect((await found(store, old.owner)).revision).not.toBe(old.revision)
    })
  })
}
