import { describe, expect, test } from "bun:test"
import { createArrivals } from "../../src/scan/arrivals.ts"

describe("createArrivals()", () => {
  test("returns results in the order in which they arrive, not in which they were expected", async () => {
    const arrivals = createArrivals<string>()
    const { promise, resolve } = Promise.withResolvers<string>()
    arrivals.expect(promise)
    arrivals.expect(Promise.resolve("second"))
    expect(await arrivals.take()).toBe("second")
    expect([arrivals.pending(), arrivals.waiting()]).toEqual([1, 0])
    resolve("first")
    expect(await arrivals.take()).toBe("first")
    expect(arrivals.pending()).toBe(0)
  })

  test("rejects when a failed result is taken, and causes no unhandled rejection when it is not", async () => {
    const arrivals = createArrivals<string>()
    arrivals.expect(Promise.reject(new Error("broken")))
    arrivals.expect(Promise.reject(new Error("never taken")))
    await expect(arrivals.take()).rejects.toThrow("broken")
    expect(arrivals.waiting()).toBe(1)
  })
})
