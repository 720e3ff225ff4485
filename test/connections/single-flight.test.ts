import { expect, test } from "bun:test"
import { createSingleFlight } from "../../src/connections/single-flight.ts"
import { createCountedSignal } from "../support/counted-signal.ts"

/** Work that the test settles. */
function setUp() {
  const signals: AbortSignal[] = []
  let done = Promise.withResolvers<string>()
  const fly = createSingleFlight((signal) => {
    signals.push(signal)
    done = Promise.withResolvers()
    return done.promise
  })
  return { fly, signals, settle: () => done }
}

const { signal } = new AbortController()

test("concurrent callers share one run of the work, and a later caller starts another", async () => {
  const { fly, signals, settle } = setUp()
  const callers = [fly(signal), fly(signal), fly(signal)]
  settle().resolve("first")
  expect(await Promise.all(callers)).toEqual(["first", "first", "first"])
  const later = fly(signal)
  settle().resolve("second")
  expect(await later).toBe("second")
  expect(signals).toHaveLength(2)
})

test("every caller receives a failure, which is not kept", async () => {
  const { fly, signals, settle } = setUp()
  const callers = [fly(signal), fly(signal)]
  const settled = Promise.allSettled(callers)
  settle().reject("away")
  expect(await settled).toMatchObject([{ reason: "away" }, { reason: "away" }])
  const later = fly(signal)
  settle().resolve("back")
  expect(await later).toBe("back")
  expect(signals).toHaveLength(2)
})

test("a caller that leaves does not abort the work of the others; the last one to leave does", async () => {
  const { fly, signals, settle } = setUp()
  const [first, second] = [createCountedSignal(), createCountedSignal()]
  const left = fly(first.signal).catch((reason: unknown) => reason)
  const stayed = fly(second.signal).catch((reason: unknown) => reason)
  first.controller.abort("first left")
  expect(await left).toBe("first left")
  expect(signals[0]?.aborted).toBe(false)
  second.controller.abort("second left")
  expect(await stayed).toBe("second left")
  expect(signals[0]?.aborted).toBe(true)

  const later = fly(signal)
  expect(signals).toHaveLength(2)
  settle().resolve("anew")
  expect(await later).toBe("anew")
})

test("a caller whose signal has aborted starts nothing", async () => {
  const { fly, signals } = setUp()
  await expect(fly(AbortSignal.abort(new Error("gone")))).rejects.toThrow("gone")
  expect(signals).toEqual([])
})
