import { expect, test } from "bun:test"
import { createNewDeliveries } from "../../src/follow/new-deliveries.ts"
import type { StoredDelivery } from "../../src/webhooks/delivery.ts"

function start() {
  const stored: StoredDelivery[] = []
  let isDownFrom = Infinity
  const add = (id: string, arrivedAt: number) =>
    stored.push({ id, connectionId: "c", listId: "l", kind: "profile", arrivedAt })
  const deliveries = createNewDeliveries({
    connectionId: "c",
    overlapS: 20,
    deliveries: {
      list: async (_, { arrivedAt, id = "" }, limit) => {
        if (arrivedAt >= isDownFrom) throw new Error("down")
        return stored
          .filter((each) => each.arrivedAt > arrivedAt || (each.arrivedAt === arrivedAt && each.id > id))
          .toSorted((a, b) => a.arrivedAt - b.arrivedAt || (a.id < b.id ? -1 : 1))
          .slice(0, limit)
      },
    },
  })
  const read = async () => (await Array.fromAsync(deliveries.read())).flat().map(({ id }) => id)
  const setDownFrom = (second: number) => (isDownFrom = second)
  return { add, read, setDownFrom, pages: deliveries.read, rewind: deliveries.rewind }
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

test("if the database fails between two pages, the first one is not read again", async () => {
  const { add, read, pages, setDownFrom, rewind } = start()
  rewind(0)
  for (let index = 0; index < 2500; index += 1) add(String(index).padStart(4, "0"), 100 + index)
  setDownFrom(101)
  const reading = pages()
  expect((await reading.next()).value).toHaveLength(1000)
  expect(reading.next()).rejects.toThrow("down")
  setDownFrom(Infinity)
  const rest = await read()
  expect(rest).toHaveLength(1500)
  expect(rest[0]).toBe("1000")
})
