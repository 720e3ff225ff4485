import { expect, test } from "bun:test"
import type { Cursor } from "../../src/exports/cursor/cursor.ts"
import { createRewindDeliveries } from "../../src/follow/rewind-deliveries.ts"

const cursorAt = (horizon: number): Cursor => ({
  kind: "end",
  selection: "all",
  isIncremental: true,
  horizon,
  lists: [{ id: "a1", live: { windows: [], tail: { since: horizon } } }],
})

const rewind = createRewindDeliveries(
  {
    open: async (text) => JSON.parse(text),
    seal: async (cursor) => JSON.stringify(cursor),
  },
  "all",
)
const seal = (horizon: number) => JSON.stringify(cursorAt(horizon))

test("the end of an export that continued gets the deliveries since its cursor, and keeps its positions", async () => {
  expect(JSON.parse(await rewind.to(seal(100), seal(500)))).toEqual({ ...cursorAt(500), horizon: 100 })
})

test("without a cursor, or with a later one, the end of an export stays as it is", async () => {
  expect(await rewind.to(undefined, seal(500))).toBe(seal(500))
  expect(await rewind.to(seal(900), seal(500))).toBe(seal(500))
  expect((await rewind.open(seal(900))).horizon).toBe(900)
})
