import { expect, test } from "bun:test"
import type { Connection } from "../../src/connections/connection.ts"
import { createDisconnect, type DisconnectEvent } from "../../src/connections/disconnect.ts"

const owner = { accountId: "acme", uid: "ada" }
const connection: Connection = {
  id: "c1",
  revision: "r1",
  owner,
  accessToken: "token",
  metadata: { dc: "us1" },
  tokenInvalidated: false,
}

/** A store of one connection, and the names of all steps in their order. */
function setUp(options: { readonly isMarked?: boolean; readonly fails?: () => string | undefined } = {}) {
  const steps: string[] = []
  const events: DisconnectEvent[] = []
  let stored: Connection | undefined = connection
  let isMarked = options.isMarked ?? false
  const step = (name: string) => {
    if (options.fails?.() === name) throw new Error(`Cannot: ${name}`)
    steps.push(name)
  }
  const disconnect = createDisconnect({
    connections: {
      find: async () => (isMarked ? undefined : stored),
      update: async (_, changes) => {
        step("mark")
        isMarked = changes.disconnecting ?? isMarked
      },
      disconnecting: async () => (isMarked && stored !== undefined ? [stored] : []),
      delete: async () => {
        step("token")
        stored = undefined
        return true
      },
    },
    removeAtMailchimp: async () => {
      step("mailchimp")
      return [{ listId: "a1b2c3d4e5", reason: "Cannot delete the webhook" }]
    },
    forget: ["webhooks", "deliveries"].map((name) => async () => step(name)),
    scrub: async () => step("scrub"),
    onMarked: () => step("abort"),
    onEvent: (event) => void events.push(event),
  })
  return { ...disconnect, steps, events }
}

const rest = ["mailchimp", "webhooks", "deliveries", "token", "scrub"]

test("disconnect() marks first, aborts what runs, and deletes the token last; it reports what is left", async () => {
  const { disconnect, steps } = setUp()
  expect(await disconnect(owner)).toEqual([{ listId: "a1b2c3d4e5", reason: "Cannot delete the webhook" }])
  expect(steps).toEqual(["mark", "abort", ...rest])
})

test.each(["mailchimp", "webhooks", "deliveries", "token", "scrub"])(
  "disconnect() that failed at %s is finished by the next call",
  async (failing) => {
    let fails: string | undefined = failing
    const { disconnect, steps } = setUp({ fails: () => fails })
    await expect(disconnect(owner)).rejects.toThrow(`Cannot: ${failing}`)
    expect(steps).toEqual(["mark", "abort", ...rest.slice(0, rest.indexOf(failing))])
    fails = undefined
    steps.length = 0
    await disconnect(owner)
    expect(steps).toEqual(failing === "scrub" ? [] : rest)
  },
)

test("disconnect() without a connection does nothing", async () => {
  const { disconnect, steps } = setUp()
  await disconnect(owner)
  steps.length = 0
  expect(await disconnect(owner)).toEqual([])
  expect(steps).toEqual([])
})

test("forget() without a connection finishes what was interrupted, and leaves a live connection alone", async () => {
  const interrupted = setUp({ isMarked: true })
  await interrupted.forget(owner, undefined)
  expect(interrupted.steps).toEqual(rest)
  const live = setUp()
  await live.forget(owner, undefined)
  expect(live.steps).toEqual([])
})

test("finishInterrupted() finishes all, scrubs in any case, and reports a failure without failing", async () => {
  const good = setUp({ isMarked: true })
  await good.finishInterrupted()
  expect(good.steps).toEqual(rest)
  await good.finishInterrupted()
  expect(good.steps).toEqual([...rest, "scrub"])
  const bad = setUp({ isMarked: true, fails: () => "webhooks" })
  await bad.finishInterrupted()
  expect(bad.steps).toEqual(["mailchimp", "scrub"])
  expect(bad.events).toEqual([
    { type: "disconnection_not_finished", connectionId: "c1", error: new Error("Cannot: webhooks") },
  ])
})
