import { expect, test } from "bun:test"
import { createNewDeliveries } from "../../src/follow/new-deliveries.ts"
import type { StoredDelivery } from "../../src/webhooks/delivery.ts"

function start() {
  const stored: StoredDelivery[] = []
  const add = (id: string, arrivedAt: number) =>
    stored.push({ id, connectionId: "c", listId: "l", kind: "profile", arrivedAt })
  const deliveries = createNewDeliveries({
    connectionId: "c",
    overlapS: 20,
    deliveries: {
      list: async (_, { arrivedAt, id = "" }, limit) =>
        stored
          .filter((each) => each.arrivedAt > arrivedAt || (each.arrivedAt === arrivedAt && each.id > id))
          .toSorted((a, b) => a.arrivedAt - b.arrivedAt || (a.id < b.id ? -1 : 1))
          .slice(0, limit),
    },
  })
  const read = async () => (await deliveries.read()).map(({ id }) => id)
  return { add, read, rewind: deliveries.rewind }
}

test("each delivery is read once, also one that another replica stores late", async () => {
  const { add, read, rewind } = start()
  add("early", 50)
  expect(await read()).toEqual([])
  rewind(100)
  add("a", 100)
  add("b", 130)
  expect(await read()).toEqual(["a", "b"])
  expect(await read()).toEqual([])
  add("late", 112)
  expect(await read()).toEqual(["late"])
  add("c", 131)
  expect(await read()).toEqual(["c"])
})

test("after a rewind they are read again from there", async () => {
  const { add, read, rewind } = start()
  rewind(100)
  add("a", 100)
  add("b", 130)
  await read()
  rewind(120)
  expect(await read()).toEqual(["b"])
  rewind(90)
  expect(await read()).toEqual(["a", "b"])
})

test("more than one page is read at once", async () => {
  const { add, read, rewind } = start()
  rewind(0)
  for (let index = 0; index < 2500; index += 1) add(String(index).padStart(4, "0"), 100 + (index % 3))
  expect(await read()).toHaveLength(2500)
  expect(await read()).toEqual([])
})
