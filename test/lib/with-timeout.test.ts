import { describe, expect, test } from "bun:test"
import { abortable } from "../../src/lib/abortable.ts"
import { TimedOut, withTimeout } from "../../src/lib/with-timeout.ts"
import { createCountedSignal } from "../support/counted-signal.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"

const never = () => new Promise<never>(() => {})

describe("withTimeout()", () => {
  test("returns the work's value, and leaves no timer and no listener", async () => {
    const clock = createVirtualClock()
    const { signal, listeners } = createCountedSignal()
    for (let round = 0; round < 100; round += 1) {
      expect(await withTimeout(async () => round, { timeoutMs: 1000, signal, clock })).toBe(round)
    }
    await clock.advance(0)
    expect([clock.sleepers(), listeners()]).toEqual([0, 0])
  })

  test("rejects with TimedOut when the time is up, aborts the work, and leaves nothing behind", async () => {
    const clock = createVirtualClock()
    const { signal, listeners } = createCountedSignal()
    let workSignal: AbortSignal | undefined
    const work = (given: AbortSignal) => {
      workSignal = given
      return never()
    }
    const result = withTimeout(work, { timeoutMs: 1000, signal, clock }).catch((error: unknown) => error)
    await clock.advance(999)
    expect(workSignal?.aborted).toBe(false)
    await clock.advance(1)
    expect(workSignal?.aborted).toBe(true)
    expect(await result).toBeInstanceOf(TimedOut)
    expect([clock.sleepers(), listeners()]).toEqual([0, 0])
  })

  test("rejects with the caller's reason as soon as they abort, even if the work does not listen", async () => {
    const clock = createVirtualClock()
    const { controller, signal, listeners } = createCountedSignal()
    let workSignal: AbortSignal | undefined
    const work = (given: AbortSignal) => {
      workSignal = given
      return never()
    }
    const result = withTimeout(work, { timeoutMs: 1000, signal, clock }).catch((error: unknown) => error)
    controller.abort("the reader left")
    expect(workSignal?.reason).toBe("the reader left")
    expect(await result).toBe("the reader left")
    await clock.advance(0)
    expect([clock.sleepers(), listeners()]).toEqual([0, 0])
  })

  test("does not begin if the caller has aborted already", async () => {
    const clock = createVirtualClock()
    let began = false
    const work = async () => {
      began = true
    }
    const signal = AbortSignal.abort("gone")
    expect(await withTimeout(work, { timeoutMs: 1, signal, clock }).catch((error: unknown) => error)).toBe(
      "gone",
    )
    expect([began, clock.sleepers()]).toEqual([false, 0])
  })

  test("passes on what the work throws", async () => {
    const clock = createVirtualClock()
    const failing = withTimeout(() => Promise.reject(new Error("broken")), { timeoutMs: 1000, clock })
    await expect(failing).rejects.toThrow("broken")
  })
})

describe("abortable()", () => {
  test("settles with the promise, or with the signal's reason, and leaves no listener", async () => {
    const { controller, signal, listeners } = createCountedSignal()
    expect(await abortable(Promise.resolve(1), signal)).toBe(1)
    await expect(abortable(Promise.reject(new Error("broken")), signal)).rejects.toThrow("broken")
    const waiting = abortable(never(), signal).catch((error: unknown) => error)
    controller.abort("gone")
    expect(await waiting).toBe("gone")
    expect(await abortable(never(), signal).catch((error: unknown) => error)).toBe("gone")
    // The first listener fired, which removed it.
    expect(listeners()).toBe(1)
  })
})
