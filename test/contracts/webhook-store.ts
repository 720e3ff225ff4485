import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { NewWebhook, WebhookStore } from "../../src/webhooks/webhook.ts"
import { mongodbStartTimeoutMs } from "../support/mongodb.ts"
import { newOwner, type StoreUnderTest } from "./connection-store.ts"

let webhooks = 0

export function newWebhook(changes: Partial<NewWebhook> = {}): NewWebhook {
  webhooks += 1
  return {
    secretHash: new Bun.CryptoHasher("sha256").update(String(webhooks)).digest("hex"),
    connectionId: crypto.randomUUID(),
    owner: newOwner(),
    listId: "a1b2c3d4e5",
    createdAt: new Date("2026-03-01T10:00:00.123Z"),
    ...changes,
  }
}

/** The contract of every store of webhooks and every decorator around one. */
export function webhookStoreContract(
  name: string,
  create: () => Promise<StoreUnderTest<WebhookStore>> | StoreUnderTest<WebhookStore>,
  describeSuite: (name: string, suite: () => void) => void = describe,
) {
  describeSuite(`${name}: webhooks`, () => {
    let underTest: StoreUnderTest<WebhookStore>
    let store: WebhookStore

    beforeAll(async () => {
      underTest = await create()
      store = await underTest.open()
    }, mongodbStartTimeoutMs)

    afterAll(() => underTest.close())

    test("find() returns what was inserted and then confirmed, on every replica", async () => {
      const [plain, signed] = [newWebhook(), newWebhook()]
      for (const webhook of [plain, signed]) await store.insert(webhook)
      expect(await store.find(plain.secretHash)).toStrictEqual(plain)
      await store.confirm(plain, { webhookId: "w1" })
      await store.confirm(signed, { webhookId: "w2", signingSecret: "s3cret" })
      for (const looking of [store, await underTest.open()]) {
        expect(await looking.find(plain.secretHash)).toStrictEqual({ ...plain, webhookId: "w1" })
        expect(await looking.find(signed.secretHash)).toStrictEqual({
          ...signed,
          webhookId: "w2",
          signingSecret: "s3cret",
        })
      }
      expect(await store.find("0".repeat(64))).toBeUndefined()
    })

    test("confirm() of a deleted webhook does not restore it, and delete() is idempotent", async () => {
      const webhook = newWebhook()
      await store.insert(webhook)
      await store.delete(webhook.secretHash)
      await store.delete(webhook.secretHash)
      await store.confirm(webhook, { webhookId: "w1", signingSecret: "s3cret" })
      expect(await store.find(webhook.secretHash)).toBeUndefined()
      expect(await store.ofConnection(webhook.connectionId)).toEqual([])
    })

    test("ofConnection() and deleteOfConnection() concern one connection, the oldest webhook first", async () => {
      const connectionId = crypto.randomUUID()
      const second = newWebhook({ connectionId, createdAt: new Date("2026-03-02T10:00:00Z") })
      const first = newWebhook({ connectionId, listId: "f6a7b8c9d0" })
      const other = newWebhook()
      for (const webhook of [second, first, other]) await store.insert(webhook)
      await store.confirm(first, { webhookId: "w1", signingSecret: "s3cret" })
      expect(await store.ofConnection(connectionId)).toStrictEqual([
        { ...first, webhookId: "w1", signingSecret: "s3cret" },
        second,
      ])
      await store.deleteOfConnection(connectionId)
      expect(await store.ofConnection(connectionId)).toEqual([])
      expect(await store.find(first.secretHash)).toBeUndefined()
      expect(await store.ofConnection(other.connectionId)).toStrictEqual([other])
    })

    test("a webhook that is deleted while it is confirmed does not come back", async () => {
      const replica = await underTest.open()
      for (let round = 0; round < 10; round += 1) {
        const webhook = newWebhook()
        await store.insert(webhook)
        await Promise.all([
          store.confirm(webhook, { webhookId: "w1", signingSecret: "s3cret" }),
          replica.deleteOfConnection(webhook.connectionId),
        ])
        expect(await store.find(webhook.secretHash)).toBeUndefined()
      }
    })

    test("an owner keeps every character", async () => {
      const owner = { accountId: `é😀"'$.`, uid: `$ne: null'; --` }
      const webhook = newWebhook({ owner })
      await store.insert(webhook)
      expect((await store.find(webhook.secretHash))?.owner).toStrictEqual(owner)
    })
  })
}
