import { expect, test } from "bun:test"
import { announceDeliveries } from "../../src/webhooks/announce-deliveries.ts"
import type { Delivery } from "../../src/webhooks/delivery.ts"

const deliveryOf = (connectionId: string): Delivery => ({
  connectionId,
  listId: "l",
  kind: "profile",
  arrivedAt: 1,
})

test("each connection is announced once, after its deliveries were stored", async () => {
  const happened: string[] = []
  let isDown = false
  const store = {
    insert: async (deliveries: readonly Delivery[]) => {
      await Promise.resolve()
      if (isDown) throw new Error("down")
      happened.push(`${deliveries.length} stored`)
    },
    list: async () => [],
    deleteOfConnection: async () => {},
  }
  const { insert } = announceDeliveries(store, (id) => happened.push(id))
  await insert([deliveryOf("a"), deliveryOf("b"), deliveryOf("a")])
  expect(happened).toEqual(["3 stored", "a", "b"])
  isDown = true
  await expect(insert([deliveryOf("a")])).rejects.toThrow("down")
  expect(happened).toHaveLength(3)
})
