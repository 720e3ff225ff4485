import { expect, test } from "bun:test"
import { createSandbox } from "../../../src/sandbox/sandbox.ts"
import { createVirtualClock } from "../../support/virtual-clock.ts"

const listId = "aaaaaaaaaa"
const everything = {
  events: { subscribe: true, unsubscribe: true, profile: true, cleaned: true, upemail: true, campaign: true },
  sources: { user: true, admin: true, api: true },
}

/** Instead of a status: the receiver never responds. */
const SILENCE = 0

/** A sandbox with a webhook, whose receiver responds with these statuses in turn and then with 200. */
async function setUp(statuses: number[], webhook: object = everything) {
  const clock = createVirtualClock()
  const bodies: URLSearchParams[] = []
  const sandbox = createSandbox({
    clock,
    accounts: [{ tokens: ["t"], lists: [{ id: listId, name: "A", count: 5 }] }],
    fetch: async (request) => {
      if (request.method === "GET") return new Response("")
      bodies.push(new URLSearchParams(await request.text()))
      const status = statuses.shift() ?? 200
      return status === SILENCE ? new Promise(() => {}) : new Response("", { status })
    },
  })
  const saved = await sandbox.fetch(
    new Request(`http://sandbox/3.0/lists/${listId}/webhooks`, {
      method: "POST",
      headers: { authorization: "Bearer t" },
      body: JSON.stringify({ url: "http://127.0.0.1/hook", ...webhook }),
    }),
  )
  expect(saved.status).toBe(200)
  expect(await saved.json()).not.toHaveProperty("signing_secret")
  return { clock, sandbox, bodies }
}

test("a delivery that fails is retried at growing intervals until it is accepted", async () => {
  const { clock, sandbox, bodies } = await setUp([500, 503])
  const start = clock.now()
  sandbox.changes.addMember(listId)
  await clock.settle(sandbox.deliverer.settled())
  const [delivery] = sandbox.deliverer.deliveries
  expect(delivery).toMatchObject({ state: "delivered", type: "subscribe" })
  expect(delivery?.attempts.map(({ at, status }) => [at - start, status])).toEqual([
    [0, 500],
    [60_000, 503],
    [240_000, 200],
  ])
  expect(new Set(bodies.map(String)).size).toBe(1)
})

test("a delivery is given up after 75 minutes", async () => {
  const { clock, sandbox } = await setUp(Array.from({ length: 50 }, () => 500))
  const start = clock.now()
  sandbox.changes.addMember(listId)
  await clock.settle(sandbox.deliverer.settled())
  expect(sandbox.deliverer.deliveries[0]?.state).toBe("failed")
  expect(clock.now() - start).toBe(75 * 60_000)
})

test("a response that takes more than ten seconds counts as none", async () => {
  const { clock, sandbox } = await setUp([SILENCE])
  const start = clock.now()
  sandbox.changes.addMember(listId)
  await clock.settle(sandbox.deliverer.settled())
  const [delivery] = sandbox.deliverer.deliveries
  expect(delivery?.attempts.map(({ at, status }) => [at - start, status])).toEqual([
    [0, 0],
    [70_000, 200],
  ])
  expect(clock.sleepers()).toBe(0)
})

test("410 disables the webhook at once", async () => {
  const { clock, sandbox, bodies } = await setUp([410])
  sandbox.changes.addMember(listId)
  await clock.settle(sandbox.deliverer.settled())
  sandbox.changes.addMember(listId)
  await clock.settle(sandbox.deliverer.settled())
  expect(bodies).toHaveLength(1)
})

test("a webhook of which 51 % of 20 or more requests fail is disabled", async () => {
  const { clock, sandbox, bodies } = await setUp(
    Array.from({ length: 100 }, (_, index) => (index % 3 === 0 ? 500 : 200)),
  )
  const [hook] = sandbox.state.list(listId).webhooks
  for (let sent = 0; sent < 30; sent += 1) sandbox.changes.addMember(listId)
  await clock.settle(sandbox.deliverer.settled())
  expect([hook?.disabled, bodies.length > 40]).toEqual([false, true])
  const failing = await setUp(Array.from({ length: 100 }, () => 500))
  for (let sent = 0; sent < 25; sent += 1) failing.sandbox.changes.addMember(listId)
  await failing.clock.settle(failing.sandbox.deliverer.settled())
  expect(failing.sandbox.state.list(listId).webhooks[0]?.disabled).toBe(true)
  // Each was sent once, and none was retried.
  expect(failing.bodies).toHaveLength(25)
})

test("deliveries are lost, doubled, late and stripped in the shares that the settings say", async () => {
  const { clock, sandbox, bodies } = await setUp([])
  const tell = async (settings: Partial<typeof sandbox.settings>) => {
    Object.assign(sandbox.settings, {
      lostDeliveries: 0,
      doubledDeliveries: 0,
      lateDeliveries: 0,
      strippedDeliveries: 0,
      ...settings,
    })
    bodies.length = 0
    const startMs = clock.now()
    for (let sent = 0; sent < 200; sent += 1) sandbox.changes.addMember(listId)
    await clock.settle(sandbox.deliverer.settled())
    return { sent: bodies.length, tookMs: clock.now() - startMs }
  }
  expect(await tell({})).toEqual({ sent: 200, tookMs: 0 })
  expect(await tell({ lostDeliveries: 1 })).toEqual({ sent: 0, tookMs: 0 })
  expect(await tell({ doubledDeliveries: 1 })).toEqual({ sent: 400, tookMs: 0 })
  const { sent } = await tell({ lostDeliveries: 0.2 })
  expect(sent).toBeGreaterThan(130)
  expect(sent).toBeLessThan(190)
  const { tookMs } = await tell({ lateDeliveries: 0.5 })
  expect(tookMs).toBeGreaterThan(9000)
  expect(bodies.map(String)).not.toEqual(bodies.map(String).toSorted())
  await tell({ strippedDeliveries: 1 })
  expect(bodies.every((body) => body.get("data[list_id]") === listId && !body.has("data[email]"))).toBe(true)
})

test("only the requested events and sources are delivered", async () => {
  const { clock, sandbox, bodies } = await setUp([], {
    events: { subscribe: true },
    sources: { admin: true },
  })
  const member = sandbox.changes.addMember(listId, undefined, "api")
  sandbox.changes.editMember(listId, member.id)
  sandbox.changes.addMember(listId, undefined, "admin")
  await clock.settle(sandbox.deliverer.settled())
  expect(bodies.map((body) => body.get("type"))).toEqual(["subscribe"])
})

test("each kind of change is delivered as Mailchimp delivers it", async () => {
  const { clock, sandbox, bodies } = await setUp([])
  const { changes } = sandbox
  const told = async (change: () => unknown) => {
    bodies.length = 0
    change()
    await clock.settle(sandbox.deliverer.settled())
    return bodies.map((body) => `${body.get("type")} ${body.get("data[action]") ?? ""}`.trim())
  }
  const address = { addr1: "1 High St", addr2: "", city: "York", state: "", zip: "Y1", country: "GB" }
  const { id } = changes.addMember(listId, {
    email_address: "a@example.com",
    merge_fields: { ADDRESS: address },
  })
  await clock.settle(sandbox.deliverer.settled())
  expect(bodies[0]?.get("data[merges][ADDRESS][city]")).toBe("York")
  expect(await told(() => changes.editMember(listId, id))).toEqual(["profile"])
  expect(await told(() => changes.archiveMember(listId, id))).toEqual(["unsubscribe unsub"])
  expect(await told(() => changes.unarchiveMember(listId, id))).toEqual(["subscribe"])
  expect(await told(() => changes.editMember(listId, id, { status: "unsubscribed" }))).toEqual([
    "unsubscribe unsub",
  ])
  expect(await told(() => changes.editMember(listId, id, { status: "cleaned" }))).toEqual(["cleaned"])
  expect(bodies[0]?.get("data[reason]")).toBe("hard")
  expect((await told(() => changes.changeEmail(listId, id, "b@example.com"))).toSorted()).toEqual([
    "profile",
    "upemail",
  ])
  const upemail = bodies.find((body) => body.get("type") === "upemail")
  expect(upemail?.get("data[old_email]")).toBe("a@example.com")
  expect(upemail?.get("data[new_email]")).toBe("b@example.com")
  const moved = [...sandbox.truth(listId).members()].at(-1)!
  expect(await told(() => changes.deleteMember(listId, moved.id))).toEqual(["unsubscribe delete"])
})
