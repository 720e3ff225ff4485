import { expect, test } from "bun:test"
import type { Position } from "../../src/scan/position.ts"
import { createTail } from "../../src/scan/tail.ts"
import { createWindowReading } from "../../src/scan/window/window.ts"

function startReading(from: Position) {
  const options = { listId: "a", from, horizon: 1000, marginS: 10, versions: new Map() }
  return { sweep: "live" as const, from: from.since, reading: createWindowReading(options) }
}

test("a tail begins at its position, and again where it was moved to", () => {
  const tail = createTail({ since: 100 }, startReading)
  expect(tail.task()).toBeUndefined()
  expect(tail.start()?.from).toBe(100)
  tail.moveTo(200)
  expect(tail.task()).toBeUndefined()
  expect(tail.position()).toEqual({ since: 200 })
  expect(tail.start()?.from).toBe(200)
})

test("without a position there is no tail", () => {
  const tail = createTail(undefined, startReading)
  expect([tail.start(), tail.position()]).toEqual([undefined, undefined])
})
