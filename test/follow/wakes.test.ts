import { expect, test } from "bun:test"
import { AppError } from "../../src/errors.ts"
import type { FollowEvent } from "../../src/follow/follow-event.ts"
import { createHints } from "../../src/follow/hints.ts"
import { createWakes } from "../../src/follow/wakes.ts"
import type { StoredDelivery } from "../../src/webhooks/delivery.ts"

function start() {
  let isDown = false
  let stored: StoredDelivery[] = []
  const events: FollowEvent[] = []
  const hints = createHints({ marginS: 10, nowS: () => 150 })
  const wakes = createWakes({
    deliveries: {
      list: async (_, { arrivedAt }) => {
        if (isDown) throw new AppError("database_unavailable", "down")
        return stored.filter((each) => each.arrivedAt >= arrivedAt)
      },
    },
    connectionId: "c",
    isFollowed: (listId) => listId !== "other",
    hints,
    marginS: 10,
    onEvent: (event) => events.push(event),
  })
  const store = (listId: string, arrivedAt: number, kind: StoredDelivery["kind"] = "profile") =>
    (stored = [
      ...stored,
      { id: String(stored.length), connectionId: "c", listId, kind, arrivedAt, memberId: "m" },
    ])
  return { ...wakes, hints, events, store, setDown: (down: boolean) => (isDown = down) }
}

test("deliveries wake their lists, from two margins and a slow write before what a joiner has received", async () => {
  const { rewind, read, take, store } = start()
  store("early", 74)
  store("a", 75)
  store("a", 101)
  store("other", 101)
  rewind(100)
  await read(120)
  expect(take()).toEqual({ listIds: ["a"], arrivedAt: 75 })
  expect(take()).toEqual({ listIds: [], arrivedAt: undefined })
})

test("a delivery that was stored after later ones, by a slow write of a replica whose clock is behind, is read", async () => {
  const { rewind, read, take, store } = start()
  rewind(100)
  store("a", 130)
  await read(120)
  take()
  store("late", 105)
  await read(121)
  expect(take()).toEqual({ listIds: ["late"], arrivedAt: 105 })
})

test("deliveries are done up to the watermark of the last reading, or to the oldest member that is not proved yet", async () => {
  const { rewind, read, doneUpTo, store, hints } = start()
  rewind(100)
  expect(doneUpTo()).toBe(100)
  await read(120)
  expect(doneUpTo()).toBe(120)
  store("a", 119, "delete")
  await read(130)
  expect(doneUpTo()).toBe(119)
  hints.done(hints.due(1)[0]!)
  expect(doneUpTo()).toBe(130)
  rewind(110)
  expect(doneUpTo()).toBe(110)
})

test("while the database is down nothing counts as done, and that is reported once", async () => {
  const { rewind, read, doneUpTo, store, take, setDown, events } = start()
  rewind(100)
  setDown(true)
  await read(120)
  await read(121)
  expect(doneUpTo()).toBe(100)
  expect(events).toMatchObject([{ type: "follow_degraded", connectionId: "c" }])
  store("a", 118)
  setDown(false)
  await read(130)
  expect(take().listIds).toEqual(["a"])
  expect(doneUpTo()).toBe(130)
})
