import { createHash } from "node:crypto"
import { expect, test } from "bun:test"
import type { Owner } from "../../src/connections/connection.ts"
import { AppError } from "../../src/errors.ts"
import type { Delivery } from "../../src/webhooks/delivery.ts"
import { createReceiver, type DeliveryEvent } from "../../src/webhooks/receive.ts"
import { toSecretHash, type Webhook } from "../../src/webhooks/webhook.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"

const owner: Owner = { accountId: "acme", uid: "ada" }
const secret = "5e".repeat(32)
const webhook: Webhook = {
  secretHash: toSecretHash(secret),
  connectionId: "c1",
  owner,
  listId: "a1b2c3d4e5",
  createdAt: new Date(0),
  webhookId: "w1",
}
function setUp(
  changes: { readonly signingSecret?: string; readonly connectionId?: string | undefined } = {},
) {
  const clock = createVirtualClock()
  const asked: string[] = []
  const stored: Delivery[] = []
  const events: DeliveryEvent[] = []
  let outage: AppError | undefined
  const ask = (what: string) => {
    asked.push(what)
    if (outage) throw outage
  }
  const { signingSecret } = changes
  const receiver = createReceiver({
    webhooks: {
      find: async (secretHash) => {
        ask("webhook")
        if (secretHash !== webhook.secretHash) return undefined
        return { ...webhook, ...(signingSecret !== undefined && { signingSecret }) }
      },
    },
    findConnectionId: async () => {
      ask("connection")
      return "connectionId" in changes ? changes.connectionId : "c1"
    },
    deliveries: {
      insert: async (deliveries) => {
        ask("insert")
        stored.push(...deliveries)
      },
    },
    clock,
    onEvent: (event) => void events.push(event),
  })
  return {
    clock,
    asked,
    stored,
    events,
    fail: () => {
      outage = new AppError("database_unavailable", "Cannot find the webhook")
    },
    validate: receiver.validate,
    /** The code of the failure, or undefined if the delivery was accepted. */
    post: (body: string | ReadableStream, given = secret, headers: Record<string, string> = {}) =>
      receiver.receive(given, new Request("http://service.test/", { method: "POST", body, headers })).then(
        () => undefined,
        (error: unknown) => (error instanceof AppError ? error.code : error),
      ),
  }
}

const profile = "type=profile&data[email]=Ada@example.com&data[list_id]=ffffffffff"

test("a delivery is stored with the list of its webhook, the second and the MD5 of the address, and reported", async () => {
  const { post, stored, events, clock } = setUp()
  expect(await post(profile)).toBeUndefined()
  expect(stored).toEqual([
    {
      connectionId: "c1",
      listId: "a1b2c3d4e5",
      kind: "profile",
      memberId: createHash("md5").update("ada@example.com").digest("hex"),
      arrivedAt: clock.now() / 1000,
    },
  ])
  expect(events).toEqual([{ type: "delivery", connectionId: "c1", listId: "a1b2c3d4e5", kind: "profile" }])
})

test.each(["", "x", "5E".repeat(32), "5e".repeat(31), `${secret}0`, `${secret}\n`, "../auth"])(
  "a text that has not the form of a secret is refused without asking the database: %p",
  async (text) => {
    const { post, validate, asked } = setUp()
    expect(await post(profile, text)).toBe("webhook_unknown")
    await expect(validate(text)).rejects.toMatchObject({ code: "webhook_unknown" })
    expect(asked).toEqual([])
  },
)

test("an unknown secret is refused before the body is read", async () => {
  const { post, asked } = setUp()
  let pulled = 0
  const body = new ReadableStream({ pull: () => void (pulled += 1) }, { highWaterMark: 0 })
  expect(await post(body, "0".repeat(64))).toBe("webhook_unknown")
  expect([asked, pulled]).toEqual([["webhook"], 0])
})

test.each([
  ["no connection, or one that is being disconnected", undefined],
  ["another connection of the owner", "c2"],
])("a webhook is refused like an unknown one if there is %s", async (_, connectionId) => {
  const { post, validate, stored } = setUp({ connectionId })
  expect(await post(profile)).toBe("webhook_unknown")
  await expect(validate(secret)).rejects.toMatchObject({ code: "webhook_unknown" })
  expect(stored).toEqual([])
})

test("a database that is down is a 503, never a 410", async () => {
  const { post, validate, fail } = setUp()
  fail()
  expect(await post(profile)).toBe("database_unavailable")
  expect(await post(profile, "0".repeat(64))).toBe("database_unavailable")
  await expect(validate(secret)).rejects.toMatchObject({ code: "database_unavailable" })
})

test("a body of more than 64 KB is not read to its end, and is a hint of kind other", async () => {
  const { post, stored } = setUp()
  const chunk = new Uint8Array(10_000).fill(97)
  let sent = 0
  const endless = new ReadableStream({
    pull: (controller) => {
      sent += chunk.length
      controller.enqueue(chunk)
    },
  })
  expect(await post(endless)).toBeUndefined()
  expect(sent).toBeLessThan(150_000)
  expect(await post(`${profile}&x=${"a".repeat(65_536)}`)).toBeUndefined()
  expect(await post(`${profile}&x=${"a".repeat(65_000)}`)).toBeUndefined()
  expect(stored.map(({ kind }) => kind)).toEqual(["other", "other", "profile"])
})

test("with a signing secret, deliveries that are not signed are accepted, not stored, and counted once a minute", async () => {
  const { post, stored, events, clock } = setUp({ signingSecret: "s3cret" })
  for (let time = 0; time < 5; time += 1) expect(await post(profile)).toBeUndefined()
  await clock.advance(59_999)
  await post("x".repeat(100_000))
  await clock.advance(1)
  await post(profile, secret, { "x-mailchimp-signature": `t=1,v1=${"0".repeat(64)}` })
  const listId = "a1b2c3d4e5"
  expect(events).toEqual([
    { type: "deliveries_unsigned", listId, count: 1 },
    { type: "deliveries_unsigned", listId, count: 6 },
  ])
  expect(stored).toEqual([])
  const seconds = Math.floor(clock.now() / 1000)
  const v1 = new Bun.CryptoHasher("sha256", "s3cret").update(`${seconds}.${profile}`).digest("hex")
  await post(profile, secret, { "x-mailchimp-signature": `t=${seconds},v1=${v1}` })
  expect(stored).toHaveLength(1)
})
