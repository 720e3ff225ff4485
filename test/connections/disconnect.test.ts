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

test("disconnect() runs the steps in order and deletes the token last", async () => {
  const { steps, connections } = storeOf(connection)
  const forget = ["webhooks", "deliveries"].map((name) => async () => void steps.push(name))
  await createDisconnect({ connections, forget })(owner)
  expect(steps).toEqual(["webhooks", "deliveries", "token"])
})

test("disconnect() keeps the token when a step fails, and can be retried", async () => {
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

test("disconnect() calls onDeleted only after the connection was deleted", async () => {
  const { steps, connections } = storeOf(connection)
  const deleted: Connection[] = []
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
      steps.push("deleted")
      deleted.push(gone)
    },
  })
  await expect(disconnect(owner)).rejects.toThrow("The database is away")
  expect(deleted).toEqual([])
  fails = false
  await disconnect(owner)
  expect([deleted, steps]).toEqual([[connection], ["token", "deleted"]])
})

test("disconnect() without a connection does nothing", async () => {
  const { steps, connections } = storeOf(undefined)
  await createDisconnect({ connections, forget: [async () => void steps.push("step")] })(owner)
  expect(steps).toEqual([])
})
