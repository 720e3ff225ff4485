import { expect, test } from "bun:test"
import { createDeliveredRows } from "../../../src/scan/reconciliation/delivered-rows.ts"
import { momentOf, pageOfIds } from "../../support/members.ts"

function pageOf(ids: string, seconds: readonly number[]) {
  return {
    ...pageOfIds([...ids]),
    second: (index: number) => seconds[index],
    fingerprint: (index: number) => ids[index] ?? "",
    totalItems: ids.length,
    count: 10,
    sentAt: momentOf(1000),
  }
}

test("rows after the horizon are not counted as rows of the body: a member may have two", () => {
  const delivered = createDeliveredRows(500)
  delivered.add(pageOf("abc", [499, 500, 501]), { ranges: [{ start: 0, end: 3 }], again: [] })
  expect([delivered.rows(), delivered.rowsOfBody()]).toEqual([3, 2])
})

test("rows that were counted before, and rows that are not delivered, are left out", () => {
  const delivered = createDeliveredRows(500)
  delivered.add(pageOf("abc", [1, 1, 1]), { ranges: [{ start: 1, end: 3 }], again: [2] })
  const other = createDeliveredRows(500)
  other.add(pageOf("b", [1]), { ranges: [{ start: 0, end: 1 }], again: [] })
  expect([delivered.rows(), delivered.rowsOfBody()]).toEqual([1, 1])
  expect(delivered.sum()).toEqual(other.sum())
})
