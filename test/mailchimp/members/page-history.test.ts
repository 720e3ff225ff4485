import { expect, test } from "bun:test"
import { createPageHistories } from "../../../src/mailchimp/members/page-history.ts"

test("a connection's pages are remembered for its next client, and only there", () => {
  const histories = createPageHistories()
  histories("c1").size("members a").failed(1000)
  histories("c1").rowBytes("rows").saw(22_000_000, 1000)
  expect(histories("c1").size("members a").current()).toBe(500)
  expect(histories("c1").rowBytes("rows").current()).toBe(22_000)
  for (const other of [histories("c1").size("members b"), histories("c2").size("members a")])
    expect(other.current()).toBe(1000)
  expect(histories("c2").rowBytes("rows").current()).toBeUndefined()
})

test("of a hundred thousand connections, only the most recent are remembered", () => {
  const histories = createPageHistories(10)
  for (let id = 0; id < 100_000; id += 1) {
    const pages = histories(`c${id}`)
    pages.size("lists").failed(1000)
    pages.rowBytes("rows").saw(10_000, 10)
  }
  const known = Array.from({ length: 100_000 }, (_, id) => 99_999 - id).filter(
    (id) => histories(`c${id}`).size("lists").current() === 500,
  )
  expect(known.length).toBeLessThanOrEqual(10)
  expect(known[0]).toBe(99_999)
})

test("the estimated bytes of a row rise at once and fall by half, and a probe of one row does not count", () => {
  const rowBytes = createPageHistories()("c1").rowBytes("rows")
  const saw = (bytes: number, rows: number) => {
    rowBytes.saw(bytes, rows)
    return rowBytes.current()
  }
  expect(saw(100_000, 1)).toBeUndefined()
  expect(saw(0, 0)).toBeUndefined()
  expect(saw(8000, 10)).toBe(800)
  expect(saw(22_000 * 100, 100)).toBe(22_000)
  expect(saw(2000 * 100, 100)).toBe(12_000)
  expect(saw(2000 * 100, 100)).toBe(7000)
  expect(saw(100_000, 9)).toBe(7000)
})

test("pages that are repeatedly too large, whatever their rows, are tried less and less often", () => {
  const rowBytes = createPageHistories()("c1").rowBytes("rows")
  /** How many pages of small rows it takes until a page of a thousand rows seems to fit, and is too large all the same. */
  const smallPages = () => {
    for (let page = 0; ; page += 1) {
      if ((rowBytes.current() ?? 0) * 1000 <= 4_000_000) {
        for (let together = 0; together < 8; together += 1) rowBytes.exceeded(40_000_000, 1000)
        return page
      }
      rowBytes.saw(500 * 100, 100)
    }
  }
  expect(Array.from({ length: 8 }, smallPages)).toEqual([0, 4, 9, 19, 38, 77, 77, 77])
})
