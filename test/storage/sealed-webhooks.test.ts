import { afterAll, expect, test } from "bun:test"
import { createSealer } from "../../src/sealer.ts"
import { createSealedWebhooks } from "../../src/storage/sealed-webhooks.ts"
import { newWebhook, webhookStoreContract } from "../contracts/webhook-store.ts"
import { sqliteUnderTest } from "../support/storage-under-test.ts"

const sealer = createSealer([{ id: "k1", key: new Uint8Array(32).fill(1) }])

webhookStoreContract("SQLite, sealed", () => {
  const storage = sqliteUnderTest()
  return {
    open: async () => createSealedWebhooks((await storage.open()).webhooks, sealer),
    close: storage.close,
  }
})

const storage = sqliteUnderTest()
afterAll(storage.close)

test("a signing secret is stored sealed, and opens for its own webhook only", async () => {
  const { webhooks: plain } = await storage.open()
  const store = createSealedWebhooks(plain, sealer)
  const [webhook, other] = [newWebhook(), newWebhook()]
  for (const each of [webhook, other]) await store.insert(each)
  await store.confirm(webhook, { webhookId: "w1", signingSecret: "s3cret" })
  const sealed = (await plain.find(webhook.secretHash))?.signingSecret ?? ""
  expect(sealed).toStartWith("eyJ")
  expect((await store.find(webhook.secretHash))?.signingSecret).toBe("s3cret")
  await plain.confirm(other, { webhookId: "w2", signingSecret: sealed })
  expect((await store.find(other.secretHash))?.signingSecret).toBe("")
})

test("a signing secret whose key is gone is an empty one, not none", async () => {
  const { webhooks: plain } = await storage.open()
  const webhook = newWebhook()
  await plain.insert(webhook)
  await createSealedWebhooks(plain, sealer).confirm(webhook, { webhookId: "w1", signingSecret: "s3cret" })
  const otherSealer = createSealer([{ id: "k2", key: new Uint8Array(32).fill(2) }])
  const opened = await createSealedWebhooks(plain, otherSealer).find(webhook.secretHash)
  expect(opened?.signingSecret).toBe("")
})
