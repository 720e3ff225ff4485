import { expect, test } from "bun:test"
import type { Reading } from "../../../src/scan/reading.ts"
import type { Page } from "../../../src/scan/source.ts"
import { createUndatedMembers } from "../../../src/scan/reconciliation/undated-members.ts"
import { momentOf, pageOfIds } from "../../support/members.ts"

const query = { listId: "a", sort: "last_changed" } as const

function pageOf(ids: string, second: number | undefined, totalItems = ids.length): Page {
  const fingerprint = (index: number) => ids[index] ?? ""
  return {
    ...pageOfIds([...ids]),
    second: () => second,
    fingerprint,
    totalItems,
    count: 10,
    sentAt: momentOf(1000),
  }
}

const start = () => createUndatedMembers(query, new Map())
const read = (reading: Reading, page: Page) => reading.receive(page, reading.nextRequest()!)

test("no check is due unless dates are doubted, and then one", () => {
  const undated = start()
  expect(undated.checkIfDoubted(true)).toBeUndefined()
  undated.doubtDates()
  expect(undated.checkIfDoubted(true)).toBeDefined()
  expect(undated.checkIfDoubted(true)).toBeUndefined()
})

test("a check that finds only members with a date counts anew, and makes the tail due once", () => {
  const undated = start()
  expect(undated.check()).toBe("none")
  read(undated.checkLast(), pageOf("x", 100, 7))
  expect([undated.check(), undated.recounted()]).toEqual(["done", 7])
  expect(undated.readFound()).toBeUndefined()
  expect([undated.takeTailDue(), undated.takeTailDue()]).toEqual([true, false])
})

test("members without a date are read once, in the direction in which they come first", () => {
  const undated = start()
  undated.doubtDates()
  const check = undated.checkIfDoubted(false)!
  read(check, pageOf("x", 100))
  read(check, pageOf("y", undefined))
  const reading = undated.readFound()!
  expect(reading.nextRequest()?.query).toEqual({ ...query, direction: "ASC", offset: 0 })
  expect(undated.readFound()).toBeUndefined()
  expect(undated.reading()).toBe(reading)
})

test("a first page that ends with a member without a date shows them, unless it is the only page", () => {
  const onlyPage = start()
  onlyPage.observe(pageOf("abc", undefined))
  expect(onlyPage.readFound()).toBeUndefined()
  const undated = start()
  undated.observe(pageOf("abc", undefined, 9))
  expect(undated.readFound()?.nextRequest()?.query).toMatchObject({ direction: "DESC" })
})

test("a check that failed once stays failed", () => {
  const undated = start()
  const check = undated.checkLast()
  for (let request = check.nextRequest(); request; request = check.nextRequest())
    check.receive(pageOf("", 100, 3), request)
  read(undated.checkLast(), pageOf("x", 100))
  expect(undated.check()).toBe("failed")
})
