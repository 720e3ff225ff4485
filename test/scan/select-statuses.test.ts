import { expect, test } from "bun:test"
import { selectStatuses } from "../../src/scan/select-statuses.ts"

const statuses = ["subscribed", "pending", "cleaned", "cleaned", undefined, "subscribed"]
const page = { status: (index: number) => statuses[index] }

test("selectStatuses() keeps the rows of the wanted statuses, as few ranges as there can be", () => {
  const wanted = ["subscribed", "cleaned"]
  expect(selectStatuses(page, [{ start: 0, end: 6 }], wanted)).toEqual([
    { start: 0, end: 1 },
    { start: 2, end: 4 },
    { start: 5, end: 6 },
  ])
  expect(selectStatuses(page, [{ start: 1, end: 2 }], wanted)).toEqual([])
})

test("selectStatuses() keeps ranges apart that another range separates from each other", () => {
  const ranges = [
    { start: 2, end: 3 },
    { start: 3, end: 4 },
  ]
  expect(selectStatuses(page, ranges, ["cleaned"])).toEqual(ranges)
})
