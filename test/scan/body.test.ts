import { expect, test } from "bun:test"
import { createBody } from "../../src/scan/body.ts"
import type { Position } from "../../src/scan/position.ts"
import { createWindowReading } from "../../src/scan/window/window.ts"

const HORIZON = 1000

function startReading(from: Position, until: number) {
  const options = { listId: "a", from, until, horizon: HORIZON, marginS: 10, versions: new Map() }
  return { sweep: "live" as const, from: from.since, reading: createWindowReading(options) }
}

test("a window is split in two; both are in the cursor from then on", () => {
  const body = createBody([{ since: 100, until: HORIZON }], HORIZON, startReading)
  const [started] = body.split(500)
  expect(started?.from).toBe(500)
  expect(body.positions()).toEqual([
    { since: 100, until: 500 },
    { since: 500, until: HORIZON },
  ])
})

test("no window is split at its ends, at or after the horizon, or outside of its windows", () => {
  const body = createBody([{ since: 100, until: HORIZON + 5 }], HORIZON, startReading)
  for (const second of [50, 100, HORIZON, HORIZON + 1]) expect(body.split(second)).toEqual([])
  expect(body.windows()).toHaveLength(1)
})

test("a body is done once all its windows were removed; other readings are not removed", () => {
  const body = createBody([{ since: 100, until: HORIZON }], HORIZON, startReading)
  expect(body.remove(startReading({ since: 100 }, HORIZON))).toBeUndefined()
  expect(body.isDone()).toBe(false)
  const [window] = body.windows()
  expect(body.remove(window!)).toBe(window)
  expect(body.isDone()).toBe(true)
})
