import { expect, test } from "bun:test"
import type { Cursor } from "../../src/exports/cursor/cursor.ts"
import { createFollowedLists } from "../../src/follow/followed-lists.ts"

const at = (id: string, live: number, archived = live) => ({
  id,
  live: { windows: [], tail: { since: live } },
  archived: { windows: [], tail: { since: archived } },
})
const cursor = (...lists: Cursor["lists"]): Cursor => ({
  kind: "end",
  selection: "s",
  isIncremental: true,
  horizon: 90,
  lists,
})

test("a joiner who has received less moves the lists back, sweep by sweep, and nobody moves them forward", () => {
  const lists = createFollowedLists("s")
  expect(lists.rewind(cursor(at("a", 100), at("b", 100)))).toEqual(["a", "b"])
  expect(lists.rewind(cursor(at("a", 101), at("b", 100)))).toEqual([])
  expect(lists.rewind(cursor(at("a", 120, 95), at("c", 50)))).toEqual(["a", "c"])
  expect(lists.toCursor(7)).toEqual({ ...cursor(at("a", 100, 95), at("b", 100), at("c", 50)), horizon: 7 })
  expect(lists.asOf()).toBe(50)
})

test("a list is followed from where it was read to; a new list is in no cursor until it was read", () => {
  const lists = createFollowedLists("s")
  lists.rewind(cursor(at("a", 100)))
  lists.add("b")
  expect(lists.ids()).toEqual(["a", "b"])
  lists.advance([at("a", 110), at("gone", 110)])
  expect(lists.toCursor(90)).toEqual(cursor(at("a", 110)))
  lists.advance([at("b", 120)])
  expect(lists.asOf()).toBe(110)
  lists.remove("a")
  expect(lists.asOf()).toBe(120)
  expect(lists.positionOf("b")).toBe(120)
})

test("a list that could not be read is read whole, for everybody", () => {
  const lists = createFollowedLists("s")
  lists.rewind(cursor(at("a", 100)))
  const unread = { id: "a", isUnread: true, live: { windows: [] } } as const
  expect(lists.rewind(cursor(unread))).toEqual(["a"])
  expect(lists.toCursor(90).lists).toEqual([unread])
  expect(lists.asOf()).toBeUndefined()
})
