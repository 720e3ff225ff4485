import { describe, expect, test } from "bun:test"
import { createShownRows } from "../../../src/scan/offset-reading/shown-rows.ts"
import type { Page } from "../../../src/scan/source.ts"
import { momentOf, pageOfIds } from "../../support/members.ts"

/** A page of rows by id. A row "-" has none. */
function page(ids: string, totalItems: number): Page {
  const id = (index: number) => (ids[index] === "-" ? undefined : ids[index])
  const fingerprint = (index: number) => `bytes of ${index}`
  const parts = { id, fingerprint, second: () => 100, totalItems, count: 4, sentAt: momentOf(1000) }
  return { ...pageOfIds([...ids]), ...parts }
}

describe("createShownRows()", () => {
  test("lacks nothing when requests after a count have shown as many keys", () => {
    const shown = createShownRows(new Map())
    shown.note(page("abcd", 6), 4, 0)
    // Only e and f were requested after the first count.
    shown.note(page("def", 6), 3, 1)
    expect(shown.missing()).toBe(3)
    shown.note(page("abcd", 6), 4, 2)
    expect(shown.missing()).toBe(0)
  })

  test("does not count a row towards the total of its own response, or of one that arrived after its request", () => {
    const shown = createShownRows(new Map())
    shown.note(page("ab", 2), 2, 0)
    shown.note(page("ab", 2), 2, 0)
    expect(shown.missing()).toBe(Infinity)
    shown.note(page("ab", 2), 2, 1)
    expect(shown.missing()).toBe(0)
  })

  test("lacks nothing although a row left after it was shown", () => {
    const shown = createShownRows(new Map())
    shown.note(page("a", 3), 1, 0)
    shown.note(page("ab", 3), 2, 1)
    shown.note(page("bc", 2), 2, 2)
    expect(shown.missing()).toBe(0)
  })

  test("counts no row without a key, and tells it by its bytes", () => {
    const known = new Map()
    const shown = createShownRows(known)
    shown.note(page("a-", 2), 2, 0)
    expect(shown.note(page("a-", 2), 2, 1)).toEqual([
      { text: "a", hasKey: true },
      { text: "bytes of 1", hasKey: false },
    ])
    expect(shown.missing()).toBe(1)
    expect([...known.keys()]).toEqual(["a"])
  })

  test("has the counts of the latest responses, and whether a row has changed", () => {
    const shown = createShownRows(new Map(), (page, index) => page.id(index) === "c")
    for (const [after, total] of [5, 6, 7].entries()) shown.note(page("ab", total), 2, after)
    expect([shown.responses(), shown.totals(2), shown.hasChanged()]).toEqual([3, [6, 7], false])
    shown.note(page("c", 7), 1, 3)
    expect(shown.hasChanged()).toBe(true)
  })
})
