import { expect, test } from "bun:test"
import { anySignal } from "../../src/lib/any-signal.ts"
import { createCountedSignal } from "../support/counted-signal.ts"

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
