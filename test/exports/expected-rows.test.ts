import { describe, expect, test } from "bun:test"
import { createExpectedRows } from "../../src/exports/expected-rows.ts"

const list = { id: "a", memberCount: 500, unsubscribeCount: 30, cleanedCount: 2 }
const query = { listId: "a", sort: "last_changed", offset: 0 } as const
const free = () => 9

describe("createExpectedRows()", () => {
  const expected = createExpectedRows([list], 100, free)
  const rowsOf = (status?: string) => expected({ ...query, status })?.rows

  test("estimates all members, and each status that the statistics count", () => {
    expect([rowsOf(), rowsOf("subscribed"), rowsOf("unsubscribed"), rowsOf("cleaned")]).toEqual([
      532, 500, 30, 2,
    ])
    expect(expected(query)?.pageRows).toBe(100)
    for (const status of ["archived", "pending", "transactional"]) expect(rowsOf(status)).toBeUndefined()
  })

  test("returns nothing for a range of dates, for another list, or for impossible counts", () => {
    expect(expected({ ...query, since: 5 })).toBeUndefined()
    expect(expected({ ...query, before: 5 })).toBeUndefined()
    expect(expected({ ...query, listId: "b" })).toBeUndefined()
    const absurd = { ...list, memberCount: Number.MAX_SAFE_INTEGER, cleanedCount: Number.MAX_SAFE_INTEGER }
    expect(createExpectedRows([absurd], 100, free)(query)).toBeUndefined()
  })

  test("returns nothing if fast responses would make the rate the limit", () => {
    const spare = (unknownMs?: number) => (unknownMs === undefined ? 8 : 1)
    expect(createExpectedRows([list], 100, spare)(query)).toBeUndefined()
  })
})
