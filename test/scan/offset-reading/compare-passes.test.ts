import { describe, expect, test } from "bun:test"
import { createPassComparison } from "../../../src/scan/offset-reading/compare-passes.ts"
import type { ShownPage } from "../../../src/scan/offset-reading/pass-order.ts"

const page = (ids: string, hasKey = true): ShownPage => ({
  offset: 0,
  rows: [...ids].map((text) => ({ text, hasKey })),
  isEnd: true,
})

describe("createPassComparison()", () => {
  test("proves that all rows were read when two passes have one order, although rows left", () => {
    const comparison = createPassComparison(true)
    expect(comparison.provesAll([page("abcd")], [5])).toBe(false)
    expect(comparison.provesAll([page("bcd")], [3])).toBe(true)
  })

  test("proves nothing by two passes in another order, or with fewer rows than were counted", () => {
    const comparison = createPassComparison(true)
    comparison.provesAll([page("abcd")], [4])
    expect(comparison.provesAll([page("bdc")], [3])).toBe(false)
    expect(comparison.provesAll([page("bdc")], [4])).toBe(false)
  })

  test("proves nothing by the order of rows that others can join meanwhile", () => {
    const comparison = createPassComparison(false)
    comparison.provesAll([page("abcd")], [4])
    expect(comparison.provesAll([page("abcd")], [4])).toBe(false)
  })

  test("proves that all rows without a key were read by three equal passes, one after the other", () => {
    const comparison = createPassComparison(false)
    const passes = ["ab", "ab", "ba", "ba", "ba"].map((ids) => comparison.provesAll([page(ids, false)], [2]))
    expect(passes).toEqual([false, false, false, false, true])
  })
})
