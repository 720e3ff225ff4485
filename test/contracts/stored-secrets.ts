import { afterAll, beforeEach, describe, expect, test } from "bun:test"
import { createSealer, type SealerKey } from "../../src/sealer.ts"
import { reseal, type StoredSecret } from "../../src/storage/reseal.ts"
import { createSealedConnections } from "../../src/storage/sealed-connections.ts"
import { createSealedWebhooks } from "../../src/storage/sealed-webhooks.ts"
import type { Storage } from "../../src/storage/storage.ts"
import type { StorageUnderTest } from "../support/storage-under-test.ts"
import { found, newConnection, newOwner } from "./connection-store.ts"
import { newJob } from "./job-store.ts"
import { newWebhook } from "./webhook-store.ts"

const keyOf = (id: string, byte: number): SealerKey => ({ id, key: new Uint8Array(32).fill(byte) })
const [oldKey, newKey, lostKey] = [keyOf("old", 1), keyOf("new", 2), keyOf("lost", 3)]
const sealer = createSealer([newKey, oldKey])
const onlyNew = createSealer([newKey])
const nothing = { current: 0, resealed: 0, changedMeanwhile: 0, notOpened: new Map() }

/** What every database must offer, so that keys can be rotated while the service runs. */
export function storedSecretsContract(
  name: string,
  create: () => Promise<StorageUnderTest> | StorageUnderTest,
  /** One more than the database returns in one batch. */
  many: number,
  describeSuite: (name: string, suite: () => void) => void = describe,
) {
  describeSuite(`${name}: rotation of keys`, () => {
    let underTest: StorageUnderTest
    let storage: Storage
    const opened: StorageUnderTest[] = []

    beforeEach(async () => {
      underTest = await create()
      opened.push(underTest)
      storage = await underTest.open()
    }, 180_000)
    afterAll(() => Promise.all(opened.map((each) => each.close())))

    /** Connects an account while this key is the first, and returns its owner. */
    async function connect(key: SealerKey, accessToken: string) {
      const connection = newConnection(newOwner(), { accessToken })
      await createSealedConnections(storage.connections, createSealer([key])).insert(connection)
      return connection.owner
    }

    async function makeWebhook(key: SealerKey, signingSecret: string) {
      const webhook = newWebhook()
      const webhooks = createSealedWebhooks(storage.webhooks, createSealer([key]))
      await webhooks.insert(webhook)
      await webhooks.confirm(webhook, { webhookId: "w1", signingSecret })
      return webhook
    }

    test("after one run the older key is needed no more, and a second run changes nothing", async () => {
      const owners = [await connect(oldKey, "token-1"), await connect(newKey, "token-2")]
      const plain = newConnection(newOwner(), { accessToken: "token-3" })
      await storage.connections.insert(plain)
      const webhook = await makeWebhook(oldKey, "secret-1")
      await storage.webhooks.insert(newWebhook())

      expect(await reseal(storage.secrets, sealer)).toEqual({
        tokens: { ...nothing, current: 1, resealed: 2 },
        signingSecrets: { ...nothing, resealed: 1 },
        jobCursors: new Map(),
      })
      const replica = await underTest.open()
      const connections = createSealedConnections(replica.connections, onlyNew)
      const tokens = await Promise.all(
        [...owners, plain.owner].map(async (owner) => (await found(connections, owner)).accessToken),
      )
      expect(tokens).toEqual(["token-1", "token-2", "token-3"])
      expect((await found(replica.connections, plain.owner)).accessToken).toStartWith("eyJ")
      const webhooks = createSealedWebhooks(replica.webhooks, onlyNew)
      expect((await webhooks.find(webhook.secretHash))?.signingSecret).toBe("secret-1")

      expect(await reseal(storage.secrets, onlyNew)).toEqual({
        tokens: { ...nothing, current: 3 },
        signingSecrets: { ...nothing, current: 1 },
        jobCursors: new Map(),
      })
    })

    test("what no key opens is counted by its key, and kept", async () => {
      const owner = await connect(lostKey, "token-1")
      const webhook = await makeWebhook(lostKey, "secret-1")
      const notOpened = new Map([["lost", 1]])
      const before = (await found(storage.connections, owner)).accessToken
      expect(await reseal(storage.secrets, sealer)).toMatchObject({
        tokens: { ...nothing, notOpened },
        signingSecrets: { ...nothing, notOpened },
      })
      expect((await found(storage.connections, owner)).accessToken).toBe(before)
      const restored = createSealer([newKey, lostKey])
      expect(await reseal(storage.secrets, restored)).toMatchObject({ tokens: { resealed: 1 } })
      const webhooks = createSealedWebhooks(storage.webhooks, onlyNew)
      expect((await webhooks.find(webhook.secretHash))?.signingSecret).toBe("secret-1")
    })

    test("a secret that changed, or whose connection was deleted, after it was read is left alone", async () => {
      const [changed, deleted] = [await connect(oldKey, "token-1"), await connect(oldKey, "token-2")]
      const racing = {
        ...storage.secrets,
        replace: async (secret: StoredSecret, text: string) => {
          const connection = await found(storage.connections, changed)
          await storage.connections.update(connection, { accessToken: "another" })
          const left = await storage.connections.find(deleted)
          if (left !== undefined) await storage.connections.delete(left)
          return storage.secrets.replace(secret, text)
        },
      }
      expect((await reseal(racing, sealer)).tokens).toEqual({ ...nothing, changedMeanwhile: 2 })
      expect((await found(storage.connections, changed)).accessToken).toBe("another")
      expect(await storage.connections.find(deleted)).toBeUndefined()
    })

    test("cursors in the records of jobs are counted by their older key", async () => {
      const binding = { purpose: "cursor", owner: "c1" } as const
      const cursor = await createSealer([oldKey]).seal(Uint8Array.of(1, 2), binding)
      const request = {
        selection: { includeArchived: false },
        format: "ndjson",
        compression: "gzip",
      } as const
      for (const given of [cursor, cursor, await sealer.seal(Uint8Array.of(1), binding), undefined])
        await storage.jobs.insert(newJob({ request: { ...request, ...(given && { cursor: given }) } }))
      const job = newJob()
      await storage.jobs.insert(job)
      const { attempt = 0 } = (await storage.jobs.begin(job.id, new Date())) ?? {}
      await storage.jobs.save({ id: job.id, attempt }, { cursor, parts: [] })
      expect((await reseal(storage.secrets, sealer)).jobCursors).toEqual(new Map([["old", 3]]))
    })

    test("more tokens than a database returns in one batch are all sealed again", async () => {
      for (let index = 0; index < many; index += 1)
        await storage.connections.insert(newConnection({ accountId: "many", uid: String(index) }))
      expect((await reseal(storage.secrets, sealer)).tokens).toEqual({ ...nothing, resealed: many })
      expect((await reseal(storage.secrets, sealer)).tokens).toEqual({ ...nothing, current: many })
    }, 60_000)
  })
}
