import { describe, expect, test } from "bun:test"
import { createWindowRange } from "../../../src/scan/window/window-range.ts"
import { momentOf, pageOfIds } from "../../support/members.ts"

const sort = "last_changed" as const
const create = (until?: number) => createWindowRange({ listId: "a", until, marginS: 10 })
const page = {
  ...pageOfIds(["x", "y"]),
  second: () => 60,
  fingerprint: () => 0,
  totalItems: 9,
  count: 2,
  sentAt: momentOf(1000),
}

describe("createWindowRange()", () => {
  test("has one second more than is read as the upper bound of its queries", () => {
    expect(create(100).nextQuery(50)).toEqual({ listId: "a", since: 50, before: 101, offset: 0, sort })
    expect(create().nextQuery(-Infinity)).toEqual({ listId: "a", offset: 0, sort })
  })

  test("knows how many rows remain until its end moves, and again after the next query", () => {
    const range = create(100)
    expect(range.rest(50)).toBeUndefined()
    range.nextQuery(50)
    range.count(page)
    expect(range.rest(59)).toMatchObject({ rows: 7, pageRows: 2, query: { since: 59, before: 101 } })
    range.nextQuery(59)
    range.moveEnd(80)
    range.count(page)
    expect(range.rest(59)).toBeUndefined()
    range.nextQuery(59)
    range.count(page)
    expect(range.rest(59)).toMatchObject({ rows: 7 })
  })

  test("ends at the second before members dated ahead, who are up to its earlier end", () => {
    const range = create(5000)
    expect(range.separate(2000)).toEqual({ listId: "a", since: 2000, before: 5000, sort })
    expect([range.until(), range.boundary()]).toEqual([2000, 2000])
  })

  test("continues after that second once it is past, three times", () => {
    const range = create()
    range.separate(1059)
    expect(range.extend(momentOf(1059))).toBe("ended")
    // A minute after the clock: no later second can be that of a change.
    expect(range.extend(momentOf(1060))).toBe("extended")
    expect([range.until(), range.boundary()]).toEqual([1120, 1120])
    expect(range.separateAgain(momentOf(1200))).toMatchObject({ since: 1260, before: undefined })
    expect(range.extend(momentOf(1300))).toBe("extended")
    expect(range.separateAgain(momentOf(1400))).toBeUndefined()
    expect(range.extend(momentOf(1400))).toBe("too_often")
  })

  test("is not extended if a split has moved its end, because another window reads the remainder", () => {
    const range = create()
    range.separate(1059)
    range.moveEnd(500)
    expect(range.extend(momentOf(1060))).toBe("ended")
  })
})
