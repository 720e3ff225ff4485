import { expect, test } from "bun:test"
import { createRecentRows } from "../../src/follow/recent-rows.ts"
import type { Range } from "../../src/scan/deduplicate.ts"
import { momentOf, pageOfIds } from "../support/members.ts"

/** A page of members, given as "id@second version". */
function scanned(...rows: string[]) {
  const parsed = rows.map((row) => /^(\w*)@(\d+) (\w+)$/.exec(row) ?? [])
  const page = {
    ...pageOfIds(parsed.map(([, id = ""]) => id)),
    id: (index: number) => parsed[index]?.[1] || undefined,
    second: (index: number) => Number(parsed[index]?.[2]),
    fingerprint: (index: number) => rows[index] ?? "",
    totalItems: rows.length,
    count: 10,
    sentAt: momentOf(105),
  }
  return { listId: "l", page, ranges: [{ start: 0, end: rows.length }] }
}

const rowsOf = (ranges: readonly Range[]) =>
  ranges.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, index) => start + index))

function start() {
  const recent = createRecentRows()
  const select = (...rows: string[]) => rowsOf(recent.select(scanned(...rows), 100))
  return { ...recent, select }
}

test("a row of an open second comes once, until it changes", () => {
  const { select } = start()
  expect(select("a@101 red", "b@102 red", "c@103 red")).toEqual([0, 1, 2])
  expect(select("a@101 red", "b@102 blue", "c@103 red", "d@103 red")).toEqual([1, 3])
  expect(select("b@102 red")).toEqual([0])
})

test("a row without an id is never dropped, and a row of a closed second is not remembered", () => {
  const { select } = start()
  expect(select("@101 red", "a@100 red")).toEqual([0, 1])
  expect(select("@101 red", "a@100 red")).toEqual([0, 1])
})

test("what is forgotten comes again", () => {
  const { select, forget, clear } = start()
  select("a@101 red", "b@102 red")
  forget("l", 101)
  expect(select("a@101 red", "b@102 red")).toEqual([0])
  clear()
  expect(select("a@101 red", "b@102 red")).toEqual([0, 1])
})
