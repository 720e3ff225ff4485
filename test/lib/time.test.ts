import { describe, expect, test } from "bun:test"
import {
  abortable,
  anySignal,
  type Clock,
  createTurns,
  startTimer,
  systemClock,
  TimedOut,
  withTimeout,
  within,
} from "../../src/lib/time.ts"
import { createCountedSignal } from "../support/counted-signal.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"

const never = () => new Promise<never>(() => {})

describe("startTimer()", () => {
  test("calls once, when the time is up", async () => {
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

  test("never calls after it is disposed of, and leaves no timer", async () => {
    const clock = createVirtualClock()
    let calls = 0
    startTimer(1000, clock, () => (calls += 1))[Symbol.dispose]()
    expect(clock.sleepers()).toBe(0)
    await clock.advance(5000)
    expect(calls).toBe(0)
  })

  test("with the machine's clock calls once, and never after it is disposed of", async () => {
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
})

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

describe("anySignal()", () => {
  test("aborts when the first of its signals does, with the same reason, and leaves no listener", () => {
    for (const which of [0, 1] as const) {
      const sources = [createCountedSignal(), createCountedSignal()] as const
      const { signal } = anySignal(sources[0].signal, sources[1].signal)
      expect([signal.aborted, sources[0].listeners(), sources[1].listeners()]).toEqual([false, 1, 1])
      sources[which].controller.abort("why")
      expect([signal.aborted, signal.reason]).toEqual([true, "why"])
      sources[1 - which]?.controller.abort("too late")
      expect(signal.reason).toBe("why")
      expect(sources.map(({ listeners }) => listeners())).toEqual([0, 0])
    }
  })

  test("is aborted from the start if one of its signals is", () => {
    const source = createCountedSignal()
    const { signal } = anySignal(source.signal, AbortSignal.abort("before"))
    expect([signal.reason, source.listeners()]).toEqual(["before", 0])
  })

  test("a thousand of them on one signal leave no listener after they are disposed of", () => {
    const source = createCountedSignal()
    for (let made = 0; made < 1000; made += 1) {
      using both = anySignal(source.signal, new AbortController().signal)
      expect(both.signal.aborted).toBe(false)
    }
    expect(source.listeners()).toBe(0)
  })
})

describe("createTurns()", () => {
  test("gives each call its own turn of the event loop, first come, first served", async () => {
    let turn = 0
    let counting = setImmediate(function count() {
      turn += 1
      counting = setImmediate(count)
    })
    const taken: { name: string; turn: number }[] = []
    const nextTurn = createTurns()
    await Promise.all(
      ["a", "b", "c"].map(async (name) => {
        for (let times = 0; times < 3; times += 1) {
          await nextTurn()
          taken.push({ name, turn })
        }
      }),
    )
    clearImmediate(counting)
    expect(new Set(taken.map(({ turn }) => turn)).size).toBe(9)
    expect(taken.map(({ name }) => name).join("")).toBe("abcabcabc")
  })
})
