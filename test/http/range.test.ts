import { expect, test } from "bun:test"
import { parseWait } from "../../src/http/prefer.ts"
import { parseRange } from "../../src/http/range.ts"

test.each([
  ["bytes=0-9", { start: 0, end: 10 }],
  ["bytes=10-", { start: 10, end: 100 }],
  ["bytes=-10", { start: 90, end: 100 }],
  ["bytes=-1000", { start: 0, end: 100 }],
  ["bytes=90-1000", { start: 90, end: 100 }],
  ["bytes=100-", "unsatisfiable"],
  ["bytes=-0", "unsatisfiable"],
  ["bytes=9-0", undefined],
  ["bytes=-", undefined],
  ["bytes=0-1,5-6", undefined],
  ["bytes=a-b", undefined],
  ["rows=0-9", undefined],
  ["", undefined],
  [undefined, undefined],
] as const)("the range %p of 100 bytes is %p", (header, range) => {
  expect(parseRange(header, 100)).toEqual(range)
})

test("a range of an empty file is unsatisfiable", () => {
  expect(parseRange("bytes=0-", 0)).toBe("unsatisfiable")
})

test.each([
  ["wait=10", 10],
  ["wait=100", 30],
  ["respond-async, wait=5", 5],
  ['Wait = "7"; x', 7],
  ["await=5", 0],
  ["wait=-5", 0],
  ["wait=5s", 0],
  ["", 0],
  [undefined, 0],
])("Prefer: %p waits %p s", (header, seconds) => {
  expect(parseWait(header, 30)).toBe(seconds)
})
