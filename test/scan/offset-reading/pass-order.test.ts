import { describe, expect, test } from "bun:test"
import {
  type ShownPage,
  hashOfPositions,
  isOneOrder,
  joinPages,
} from "../../../src/scan/offset-reading/pass-order.ts"

const hundred = Array.from({ length: 100 }, (_, index) => `m${index}`)
const rowsOf = (texts: readonly string[], hasKey = true) => texts.map((text) => ({ text, hasKey }))
/** A page of 40 rows from an offset, of the rows that exist at that time. */
const at = (offset: number, existing: readonly string[], hasKey = true): ShownPage => ({
  offset,
  rows: rowsOf(existing.slice(offset, offset + 40), hasKey),
  isEnd: offset + 40 > existing.length,
})

describe("joinPages()", () => {
  test("joins pages that begin with the last rows of the page before, in any order and after any member left", () => {
    const joined = joinPages([at(64, hundred.slice(5)), at(0, hundred), at(32, hundred.slice(3))])
    expect(joined?.map(({ text }) => text)).toEqual(hundred)
  })

  test("joins no pages with a gap, without the first row or without the last", () => {
    expect(joinPages([at(0, hundred), at(32, hundred.slice(10)), at(64, hundred)])).toBeUndefined()
    expect(joinPages([at(32, hundred), at(64, hundred)])).toBeUndefined()
    expect(joinPages([at(0, hundred), at(32, hundred)])).toBeUndefined()
  })

  test("joins no pages that share so few rows that it may be chance", () => {
    expect(joinPages([at(0, hundred), at(38, hundred), at(70, hundred)])).toBeUndefined()
  })

  test("places identical rows without a key by their offsets", () => {
    const same = Array.from({ length: 100 }, () => "same")
    const pages = [0, 32, 64].map((offset) => at(offset, same, false))
    expect(joinPages(pages)?.length).toBe(100)
  })
})

describe("isOneOrder()", () => {
  const before = rowsOf([..."abcd"])

  test("is true if the later pass shows the rows that stayed, in the same order", () => {
    expect(isOneOrder(before, rowsOf([..."bd"]))).toBe(true)
  })

  test("is false if two rows have changed places, or a row is new", () => {
    expect(isOneOrder(before, rowsOf([..."db"]))).toBe(false)
    expect(isOneOrder(before, rowsOf([..."bxd"]))).toBe(false)
  })
})

describe("hashOfPositions()", () => {
  const pages = [at(0, hundred, false), at(32, hundred, false), at(64, hundred, false)]

  test("is the same for the same rows at the same positions, however they are divided into pages", () => {
    const other = [at(0, hundred, false), at(36, hundred, false), at(60, hundred, false)]
    const hash = hashOfPositions(pages, [100, 100, 100])
    expect(hash).toBeString()
    expect(hashOfPositions(other, [100, 100, 100])).toBe(hash)
    const swapped = at(0, ["m1", "m0", ...hundred.slice(2)], false)
    expect(hashOfPositions([swapped, ...pages.slice(1)], [100, 100, 100])).not.toBe(hash!)
  })

  test("is undefined if a count differs, a position was not shown, or all rows have keys", () => {
    expect(hashOfPositions(pages, [100, 99, 100])).toBeUndefined()
    expect(hashOfPositions(pages.slice(1), [100, 100])).toBeUndefined()
    expect(hashOfPositions([at(0, hundred.slice(0, 30))], [30])).toBeUndefined()
  })
})
