import { describe, expect, test } from "bun:test"
import type { Page } from "../../src/scan/source.ts"
import { createSweep } from "../../src/scan/sweep.ts"
import { momentOf, pageOfIds } from "../support/members.ts"

const HORIZON = 989
const options = {
  name: "live",
  listId: "a",
  status: undefined,
  horizon: HORIZON,
  until: undefined,
  marginS: 10,
  isWhole: true,
  isResumed: false,
} as const

const start = (since = Number.NEGATIVE_INFINITY) =>
  createSweep({ windows: [], tail: { since } }, { ...options, versions: new Map() })

function pageOf(ids: string, second: number, requestedAt: number): Page {
  const fingerprint = (index: number) => ids[index] ?? ""
  const rows = { ...pageOfIds([...ids]), second: () => second, fingerprint }
  return { ...rows, totalItems: ids.length, count: 10, sentAt: momentOf(requestedAt) }
}

describe("createSweep()", () => {
  test("begins with its tail, which becomes the body when it is split, and then begins at the horizon", () => {
    const sweep = start(0)
    const [tail] = sweep.startTail()
    expect(sweep.split(HORIZON)).toEqual([])
    const [second] = sweep.split(500)
    expect(sweep.windows()).toMatchObject([{ from: 0 }, { from: 500 }])
    expect(sweep.position()).toMatchObject({
      windows: [
        { since: 0, until: 500 },
        { since: 500, until: HORIZON },
      ],
      tail: { since: HORIZON },
    })
    sweep.finish(tail!)
    expect(sweep.isReading()).toBe(true)
    sweep.finish(second!)
    expect([sweep.isReading(), sweep.isTailDue()]).toEqual([false, true])
    expect(sweep.startTail()).toMatchObject([{ from: HORIZON }])
  })

  test("starts no body after the horizon, or once its tail was read", () => {
    expect(start(HORIZON).startBody()).toEqual([])
    expect(start(0).startBody()).toMatchObject([{ from: 0 }])
    const sweep = start(0)
    const [tail] = sweep.startTail()
    sweep.receive(tail!, pageOf("x", 100, 1000), tail!.reading.nextRequest()!)
    sweep.finish(tail!)
    expect(sweep.isTailDue()).toBe(false)
    expect(sweep.startBody()).toEqual([])
    expect(sweep.position()).toMatchObject({ windows: [], tail: { since: HORIZON } })
  })

  test("checks whether members have a date when all of it is read with date filters", () => {
    const sweep = start()
    expect(sweep.startTail()).toHaveLength(1)
    sweep.split(500)
    for (const window of sweep.windows()) sweep.finish(window)
    const [tail, check] = sweep.startTail()
    expect(check?.reading.nextRequest()?.query).toMatchObject({ direction: "DESC", count: 1 })
    sweep.finish(tail!)
    expect(sweep.isReading()).toBe(true)
    sweep.finish(check!)
    expect(sweep.isReading()).toBe(false)
  })
})
