import { describe, expect, test } from "bun:test"
import type { Clock } from "../../src/lib/clock.ts"
import { within } from "../../src/lib/within.ts"

/** A clock whose sleeps end when `ring` is called, and which counts those still running. */
function createTestClock() {
  const { promise: rung, resolve: ring } = Promise.withResolvers<void>()
  let sleeping = 0
  const clock: Clock = {
    now: () => 0,
    monotonicMs: () => 0,
    sleep: async (_ms, signal) => {
      sleeping += 1
      const { promise: aborted, reject } = Promise.withResolvers<void>()
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true })
      await Promise.race([rung, aborted]).finally(() => (sleeping -= 1))
    },
  }
  return { clock, ring, sleeping: () => sleeping }
}

describe("within()", () => {
  test("returns a value that arrives in time, and leaves no timer", async () => {
    const { clock, sleeping } = createTestClock()
    expect(await within(Promise.resolve(7), 1000, clock)).toBe(7)
    await Bun.sleep(0)
    expect(sleeping()).toBe(0)
  })

  test("is undefined when the time is up", async () => {
    const { clock, ring } = createTestClock()
    const late = within(new Promise(() => {}), 1000, clock)
    ring()
    expect(await late).toBeUndefined()
  })

  test("rejects if the promise does, and leaves no timer", async () => {
    const { clock, sleeping } = createTestClock()
    await expect(within(Promise.reject(new Error("broken")), 1000, clock)).rejects.toThrow("broken")
    await Bun.sleep(0)
    expect(sleeping()).toBe(0)
  })
})
