import { describe, expect, test } from "bun:test"
import { createPatience } from "../../../src/scan/window/patience.ts"
import type { Page } from "../../../src/scan/source.ts"
import { momentOf, pageOfIds } from "../../support/members.ts"

const marginS = 10

function page(ids: string, totalItems: number): Page {
  const second = () => 100
  const fingerprint = (index: number) => ids[index] ?? ""
  return { ...pageOfIds([...ids]), second, fingerprint, totalItems, count: 4, sentAt: momentOf(1000) }
}

describe("createPatience()", () => {
  test("waits until an open second is closed, and no longer than six margins in all", () => {
    const patience = createPatience(marginS)
    expect(patience.waitFor(995, momentOf(1000))).toEqual({ notBefore: { second: 1006, maxS: 6 } })
    expect(patience.waitFor(1100, momentOf(1010))).toEqual({ notBefore: { second: 1111, maxS: 54 } })
    expect(patience.waitFor(1101, momentOf(1111))).toBeUndefined()
  })

  test("is restless after more than six pages that end in open seconds, and more than six margins", () => {
    const patience = createPatience(marginS)
    for (let pages = 0; pages < 6; pages += 1) expect(patience.isRestless(momentOf(1000 + pages))).toBe(false)
    expect(patience.isRestless(momentOf(1060))).toBe(false)
    expect(patience.isRestless(momentOf(1061))).toBe(true)
  })

  test("repeats a request three times, after growing pauses, while the responses differ", () => {
    const patience = createPatience(marginS)
    const pauses = [3, 4, 5, 6].map((total) => patience.repeat(page("", total))?.pauseS)
    expect(pauses).toEqual([1, 2, 4, undefined])
  })

  test("repeats a request no further when two responses are alike, unless a row has arrived meanwhile", () => {
    const patience = createPatience(marginS)
    expect(patience.repeat(page("", 3))?.pauseS).toBe(1)
    expect(patience.repeat(page("", 3))).toBeUndefined()
    patience.note(page("a", 3), { ranges: [{ start: 0, end: 1 }], again: [] })
    expect(patience.repeat(page("", 3))?.pauseS).toBe(1)
  })

  test("is outrun after ten times as many rows as were ever counted", () => {
    const patience = createPatience(marginS)
    const selected = { ranges: [{ start: 0, end: 4 }], again: [] }
    for (let pages = 0; pages < 10; pages += 1) patience.note(page("abcd", 4), selected)
    expect(patience.isOutrun()).toBe(false)
    patience.note(page("abcd", 3), selected)
    expect(patience.isOutrun()).toBe(true)
  })
})
