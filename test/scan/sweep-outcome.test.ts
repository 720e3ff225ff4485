import { expect, test } from "bun:test"
import type { Lack } from "../../src/scan/reading.ts"
import { createSweepOutcome } from "../../src/scan/sweep-outcome.ts"
import { createWindowReading } from "../../src/scan/window/window.ts"

/** A window that began at `from` and ended complete up to `asOf`, or with a lack. */
function ended(from: number, asOf: number, lack?: Lack) {
  const reading = createWindowReading({
    listId: "a",
    from: { since: from },
    horizon: 1000,
    marginS: 10,
    versions: new Map(),
  })
  return { sweep: "live" as const, from, reading: { ...reading, asOf: () => asOf, lack: () => lack } }
}

test("a sweep is complete up to where its tail ended, but never less than up to where the tail began", () => {
  const outcome = createSweepOutcome({ windows: [], tail: { since: 100 } })
  outcome.endWindow(ended(0, 50))
  expect([outcome.asOf(), outcome.isRead()]).toEqual([100, false])
  outcome.endTail(ended(100, 300))
  expect([outcome.asOf(), outcome.isRead()]).toEqual([300, true])
  outcome.endTail(ended(300, 200))
  expect(outcome.asOf()).toBe(300)
})

test("a sweep without a tail is complete up to where the earliest of its windows ended", () => {
  const outcome = createSweepOutcome({ windows: [] })
  outcome.endWindow(ended(0, 300))
  outcome.endWindow(ended(50, 200))
  expect(outcome.asOf()).toBe(200)
})

test("the earliest reading that may lack rows counts, also one of an earlier export or one in progress", () => {
  const outcome = createSweepOutcome({ windows: [], tail: { since: 0 }, shortAt: 70 })
  outcome.endWindow(ended(80, 100, "rules"))
  expect(outcome.shortAt()).toBe(70)
  outcome.endWindow(ended(60, 100, "rules"))
  outcome.endWindow(ended(90, 100, "count"))
  expect([outcome.shortAt(), outcome.doubtedAt()]).toEqual([60, 90])
  expect(outcome.lacks([ended(10, 100, "count")])).toEqual({ shortAt: 60, doubtedAt: 10 })
  expect(outcome.doubtedAt()).toBe(90)
})

test("a doubted count can be resolved; a sweep that ends short is short from its start", () => {
  const outcome = createSweepOutcome({ windows: [], tail: { since: 0 }, shortAt: 70, doubtedAt: 20 })
  expect(outcome.doubtedAt()).toBe(20)
  outcome.resolveCount()
  expect(outcome.doubtedAt()).toBeUndefined()
  outcome.endShort(5)
  expect(outcome.shortAt()).toBe(5)
})
