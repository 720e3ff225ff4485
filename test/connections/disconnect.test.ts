import { expect, test } from "bun:test"
import type { Connection } from "../../src/connections/connection.ts"
import { createDisconnect } from "../../src/connections/disconnect.ts"

const owner = { accountId: "acme", uid: "ada" }
const connection: Connection = {
  id: "c1",
  revision: "r1",
  owner,
  accessToken: "token",
  metadata: { dc: "us1" },
  tokenInvalidated: false,
}

function storeOf(stored: Connection | undefined) {
  const steps: string[] = []
  return {
    steps,
    connections: {
      find: async () => stored,
      delete: async () => {
        steps.push("token")
        stored = undefined
        return true
      },
    },
  }
}

test("disconnect() forgets step by step, the token last", async () => {
  const { steps, connections } = storeOf(connection)
  const forget = ["webhooks", "deliveries"].map((name) => async () => void steps.push(name))
  await createDisconnect({ connections, forget })(owner)
  expect(steps).toEqual(["webhooks", "deliveries", "token"])
})

test("disconnect() keeps the token when a step fails, and goes on when it is called again", async () => {
  const { steps, connections } = storeOf(connection)
  let fails = true
  const disconnect = createDisconnect({
    connections,
    forget: [
      async () => {
        if (fails) throw new Error("Mailchimp is away")
      },
    ],
  })
  await expect(disconnect(owner)).rejects.toThrow("Mailchimp is away")
  expect(steps).toEqual([])
  fails = false
  await disconnect(owner)
  expect(steps).toEqual(["token"])
})

test("disconnect() tells that the connection is gone, only once it is", async () => {
  const { steps, connections } = storeOf(connection)
  const told: Connection[] = []
  let fails = true
  const disconnect = createDisconnect({
    connections: {
      ...connections,
      delete: async () => {
        if (fails) throw new Error("The database is away")
        return connections.delete()
      },
    },
    forget: [],
    onDeleted: (gone) => {
      steps.push("told")
      told.push(gone)
    },
  })
  await expect(disconnect(owner)).rejects.toThrow("The database is away")
  expect(told).toEqual([])
  fails = false
  await disconnect(owner)
  expect([told, steps]).toEqual([[connection], ["token", "told"]])
})

test("disconnect() of no connection does nothing", async () => {
  const { steps, connections } = storeOf(undefined)
  await createDisconnect({ connections, forget: [async () => void steps.push("step")] })(owner)
  expect(steps).toEqual([])
})
