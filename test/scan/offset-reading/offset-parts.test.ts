import { describe, expect, test } from "bun:test"
import {
  type OffsetParts,
  COUNT,
  countPages,
  createOffsetParts,
} from "../../../src/scan/offset-reading/offset-parts.ts"
import type { Page } from "../../../src/scan/source.ts"
import { momentOf, pageOfIds } from "../../support/members.ts"

function page(length: number, totalItems: number, count = 4): Page {
  const ids = Array.from({ length }, (_, index) => String(index))
  return {
    ...pageOfIds(ids),
    second: () => 100,
    fingerprint: () => 0,
    totalItems,
    count,
    sentAt: momentOf(1000),
  }
}

function offsetsOf(parts: OffsetParts): number[] {
  const offsets: number[] = []
  for (let part = parts.take(); part; part = parts.take()) offsets.push(part.offset)
  return offsets
}

describe("createOffsetParts()", () => {
  test("gives one page until the number of rows is known", () => {
    const parts = createOffsetParts("pass")
    expect(offsetsOf(parts)).toEqual([0])
    const counted = createOffsetParts("count")
    expect([counted.take(), counted.take()]).toEqual([COUNT, undefined])
  })

  test("gives all pages of a pass, each of which repeats rows of the page before it", () => {
    const parts = createOffsetParts("count")
    parts.take()
    parts.note({ count: 1000, totalItems: 2500 })
    parts.restart()
    expect(offsetsOf(parts)).toEqual([0, 950, 1900])
    expect(countPages({ count: 1000, totalItems: 2500 })).toBe(3)
  })

  test("gives the rest of a truncated page, with less overlap than between pages", () => {
    const parts = createOffsetParts("pass")
    const part = parts.take()!
    parts.note({ count: 40, totalItems: 40 })
    expect(parts.receive(part, page(12, 40, 40))).toBe(true)
    expect(parts.take()).toMatchObject({ offset: 8, reached: 12 })
  })

  test("does not continue a page that ends at the offset at which the one before it ended", () => {
    const parts = createOffsetParts("pass")
    const first = parts.take()!
    parts.note({ count: 40, totalItems: 40 })
    parts.receive(first, page(12, 40, 40))
    expect(parts.receive(parts.take()!, page(4, 40, 40))).toBe(true)
    expect(parts.isEmpty()).toBe(true)
  })

  test("repeats an empty page at the start three times, then fails", () => {
    const parts = createOffsetParts("pass")
    for (let repeats = 0; repeats < 3; repeats += 1) {
      const part = parts.take()!
      expect(part.repeats).toBe(repeats)
      expect(parts.receive(part, page(0, 40, 40))).toBe(true)
    }
    expect(parts.receive(parts.take()!, page(0, 40, 40))).toBe(false)
  })

  test("drops pages after the last row once rows have left", () => {
    const parts = createOffsetParts("pass")
    const first = parts.take()!
    parts.note({ count: 4, totalItems: 13 })
    parts.receive(first, page(4, 13))
    parts.restart()
    const again = parts.take()!
    parts.receive(again, page(3, 3))
    expect(parts.isEmpty()).toBe(true)
  })
})
