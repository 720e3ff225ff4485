import { expect, test } from "bun:test"
import { type IdSum, createIdSum, isSameSum } from "../../src/lib/id-sum.ts"
import { splitMembers } from "../../src/mailchimp/members/split-members.ts"
import { memberOf } from "../support/members.ts"

function sumOf(members: readonly object[], indent?: number): IdSum {
  const body = JSON.stringify({ members, total_items: members.length }, null, indent)
  const page = splitMembers(Buffer.from(body), { count: 100, offset: 0 })
  const sum = createIdSum()
  page.addIds(sum, 0, page.length)
  return sum
}

const members = Array.from({ length: 20 }, (_, index) => memberOf(index))

test("a sum over ids is the same for the same rows, in any order and spelling", () => {
  expect(isSameSum(sumOf(members), sumOf(members.toReversed()))).toBe(true)
  // A page with white space is split by the parser.
  expect(isSameSum(sumOf(members), sumOf(members, 2))).toBe(true)
})

test("a sum over ids differs if a row is missing, duplicated or replaced", () => {
  const sums = [
    sumOf(members),
    ...members.map((_, index) => sumOf(members.toSpliced(index, 1))),
    ...members.map((member, index) => sumOf(members.toSpliced(index, 0, member))),
    ...members.map((_, index) => sumOf(members.toSpliced(index, 1, memberOf(100 + index)))),
  ].map((sum) => sum.join())
  expect(new Set(sums).size).toBe(sums.length)
})

test("a sum over rows without an id distinguishes them by their bytes", () => {
  const without = [1, 2].map((number) => ({ ...memberOf(number), id: "" }))
  const other = [1, 3].map((number) => ({ ...memberOf(number), id: "" }))
  expect(isSameSum(sumOf(without), sumOf(without.toReversed()))).toBe(true)
  expect(isSameSum(sumOf(without), sumOf(other))).toBe(false)
})
