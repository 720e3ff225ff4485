import { expect, test } from "bun:test"
import { systemClock } from "../../src/lib/clock.ts"
import { startTimer } from "../../src/lib/start-timer.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"

test("startTimer() calls once, when the time is up", async () => {
  const clock = createVirtualClock()
  let calls = 0
  const timer = startTimer(1000, clock, () => (calls += 1))
  await clock.advance(999)
  expect(calls).toBe(0)
  await clock.advance(1)
  expect(calls).toBe(1)
  timer[Symbol.dispose]()
  await clock.advance(5000)
  expect(calls).toBe(1)
})

test("startTimer() never calls after it is disposed of, and leaves no timer", async () => {
  const clock = createVirtualClock()
  let calls = 0
  startTimer(1000, clock, () => (calls += 1))[Symbol.dispose]()
  expect(clock.sleepers()).toBe(0)
  await clock.advance(5000)
  expect(calls).toBe(0)
})

test("startTimer() with the machine's clock calls once, and never after it is disposed of", async () => {
  const calls: string[] = []
  using _disposed = (() => {
    const timer = startTimer(1, systemClock, () => calls.push("disposed"))
    timer[Symbol.dispose]()
    return timer
  })()
  await new Promise<void>((resolve) => {
    startTimer(1, systemClock, () => calls.push("first"))
    startTimer(5, systemClock, resolve)
  })
  expect(calls).toEqual(["first"])
})
