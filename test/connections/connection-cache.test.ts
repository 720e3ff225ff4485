import { expect, test } from "bun:test"
import { createConnectionCache } from "../../src/connections/connection-cache.ts"

const { signal } = new AbortController()

/** A cache that keeps for a minute, and loads numbers that count up. */
function cacheOf(keepMs = 60_000) {
  let [nowMs, loaded] = [0, 0]
  const cache = createConnectionCache<number>({ keepMs, clock: { monotonicMs: () => nowMs } })
  const read = (id: string, options: { refresh?: boolean; signal?: AbortSignal } = {}) =>
    cache.read(id, "lists", async () => (loaded += 1), { signal, ...options })
  return { cache, read, advance: (ms: number) => void (nowMs += ms) }
}

test("a value is kept for its time, and tells its age", async () => {
  const { read, advance } = cacheOf()
  expect(await read("a")).toEqual({ value: 1, ageS: 0 })
  advance(59_999)
  expect(await read("a")).toEqual({ value: 1, ageS: 59.999 })
  advance(1)
  expect(await read("a")).toEqual({ value: 2, ageS: 0 })
  expect(await read("b")).toEqual({ value: 3, ageS: 0 })
})

test("refresh loads anew, and its value is kept for all", async () => {
  const { read } = cacheOf()
  await read("a")
  expect((await read("a", { refresh: true })).value).toBe(2)
  expect((await read("a")).value).toBe(2)
})

test("concurrent callers share one load, which continues when one of them leaves, even if nothing is kept", async () => {
  for (const keepMs of [60_000, 0]) {
    const { cache } = cacheOf(keepMs)
    const arrived = Promise.withResolvers<number>()
    let loads = 0
    const load = () => {
      loads += 1
      return arrived.promise
    }
    const leaver = new AbortController()
    const left = cache.read("a", "lists", load, { signal: leaver.signal })
    const others = Array.from({ length: 99 }, () => cache.read("a", "lists", load, { signal }))
    leaver.abort(new Error("left"))
    await expect(left).rejects.toThrow("left")
    arrived.resolve(7)
    expect((await Promise.all(others)).map(({ value }) => value)).toEqual(Array(99).fill(7))
    expect(loads).toBe(1)
  }
})

test("a failure is not kept", async () => {
  const { cache, read } = cacheOf()
  await expect(cache.read("a", "lists", () => Promise.reject(new Error("down")), { signal })).rejects.toThrow(
    "down",
  )
  expect((await read("a")).value).toBe(1)
})

test("drop() forgets a connection, also what is being loaded", async () => {
  const { cache, read } = cacheOf()
  const arrived = Promise.withResolvers<number>()
  const loading = cache.read("a", "lists", () => arrived.promise, { signal })
  cache.drop("a")
  arrived.resolve(99)
  await loading
  expect((await read("a")).value).toBe(1)
  cache.drop("a")
  expect((await read("a")).value).toBe(2)
})
