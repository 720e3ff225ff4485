import { expect, test } from "bun:test"
import { type Summary, toJson, toProof } from "../../../src/command/pull/summary.ts"

const lists = [{ id: "a1", rows: 3, total_items: 1200, as_of: "2026-11-27T14:02:11Z" }]
const whole: Summary = {
  status: "complete",
  file: "a.csv",
  rows: 1200,
  isIncrement: false,
  mayRepeat: false,
  lists,
  deletedLists: [],
  canContinue: true,
  cursor: "c",
}
const then = "whole as of 2026-11-27 14:02:11 UTC, in a.csv"

test.each([
  ["a whole export", {}, `1,200 members, ${then}. Next: --since last`],
  ["one member", { rows: 1 }, `1 member, ${then}. Next: --since last`],
  [
    "an increment, of which nobody should think that the list is empty",
    { isIncrement: true, rows: 0 },
    `0 changed members, ${then}. Next: --since last`,
  ],
  [
    "a resumed export, which may have more rows than members",
    { mayRepeat: true },
    `1,200 rows, ${then}. Some came twice, because it was resumed: the last row of a member counts. Next: --since last`,
  ],
] as const)("toProof() of %s", (_, changes, text) => {
  expect(toProof({ ...whole, ...changes })).toBe(text)
})

test("toJson() gives no number of rows of a list if it would be those after a resume alone", () => {
  expect(toJson(whole, 5)).toMatchObject({ rows: 1200, resumed: false, lists })
  const resumed = toJson({ ...whole, mayRepeat: true }, 5)
  expect(resumed).toMatchObject({ resumed: true, lists: [{ id: "a1", total_items: 1200 }] })
  expect(resumed.lists[0]?.rows).toBeUndefined()
})
