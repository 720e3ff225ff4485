import { expect, test } from "bun:test"
import { createSingleFlight } from "../../src/connections/single-flight.ts"
import { createCountedSignal } from "../support/counted-signal.ts"

/** Work that settles when it is told to. */
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

test("all callers at the same time share one piece of work, and the next one begins another", async () => {
  const { fly, signals, settle } = setUp()
  const callers = [fly(signal), fly(signal), fly(signal)]
  settle().resolve("first")
  expect(await Promise.all(callers)).toEqual(["first", "first", "first"])
  const later = fly(signal)
  settle().resolve("second")
  expect(await later).toBe("second")
  expect(signals).toHaveLength(2)
})

test("a failure is every caller's, and is not kept", async () => {
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

test("a caller who leaves does not end the work of the others; the last one to leave does", async () => {
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

test("a caller who has left already begins nothing", async () => {
  const { fly, signals } = setUp()
  await expect(fly(AbortSignal.abort(new Error("gone")))).rejects.toThrow("gone")
  expect(signals).toEqual([])
})
