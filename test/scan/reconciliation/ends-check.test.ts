import { expect, test } from "bun:test"
import { type ShownEnd, createEndsCheck } from "../../../src/scan/reconciliation/ends-check.ts"
import type { Page } from "../../../src/scan/source.ts"
import { momentOf, pageOfIds } from "../../support/members.ts"

const query = { listId: "a", sort: "last_changed" } as const

function pageOf(ids: string): Page {
  const fingerprint = (index: number) => ids[index] ?? ""
  const page = { ...pageOfIds([...ids]), fingerprint, second: () => 100 }
  return { ...page, totalItems: 3, count: 1, sentAt: momentOf(1000) }
}

test("requests the first row in each direction, one after the other, and delivers none", () => {
  const shown: ShownEnd[] = []
  const check = createEndsCheck(query, ["DESC", "ASC"], (end) => shown.push(end))
  for (const direction of ["DESC", "ASC"] as const) {
    const request = check.nextRequest()!
    expect(request.query).toEqual({ ...query, direction, offset: 0, count: 1 })
    expect(check.nextRequest()).toBeUndefined()
    expect(check.receive(pageOf("x"), request).ranges).toEqual([])
  }
  expect(shown).toMatchObject([
    { direction: "DESC", isFailed: false },
    { direction: "ASC", isFailed: false },
  ])
  expect(check.isDone()).toBe(true)
})

test("repeats a request that returns no row although rows are counted, and fails in the end", () => {
  const shown: ShownEnd[] = []
  const check = createEndsCheck(query, ["DESC"], (end) => shown.push(end))
  const pauses: (number | undefined)[] = []
  for (let request = check.nextRequest(); request; request = check.nextRequest()) {
    pauses.push(request.pauseS)
    check.receive(pageOf(""), request)
  }
  expect(pauses).toEqual([undefined, 1, 2, 4])
  expect(shown).toMatchObject([{ isFailed: true }])
})
