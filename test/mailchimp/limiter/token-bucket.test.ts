import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { createTokenBucket } from "../../../src/mailchimp/limiter/token-bucket.ts"

/** Takes every token that there is at the given moments, and returns when it took them. */
function takenAt(bucketOptions: { capacity: number; refillPerSecond: number }, momentsMs: readonly number[]) {
  let nowMs = momentsMs[0] ?? 0
  const bucket = createTokenBucket({ ...bucketOptions, monotonicMs: () => nowMs })
  const taken: number[] = []
  for (const moment of momentsMs) {
    nowMs = moment
    while (bucket.take()) taken.push(nowMs)
  }
  return taken
}

/** By how many tokens the worst span of time exceeds the bound. */
function worstExcess(taken: readonly number[], { capacity = 0, refillPerSecond = 0 }) {
  let worst = -Infinity
  for (const [first, from] of taken.entries()) {
    for (let last = first; last < taken.length; last += 1) {
      const spanS = (taken[last]! - from) / 1000
      worst = Math.max(worst, last - first + 1 - (capacity + refillPerSecond * spanS))
    }
  }
  return worst
}

describe("createTokenBucket()", () => {
  test("gives at most capacity + rate * t tokens in any t seconds, for any rate and any moments", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.double({ min: 0.1, max: 50, noNaN: true }),
        fc.double({ min: 0, max: 1e9, noNaN: true }),
        fc.array(fc.double({ min: 0, max: 700, noNaN: true }), { minLength: 1, maxLength: 60 }),
        (capacity, refillPerSecond, startMs, stepsMs) => {
          let nowMs = startMs
          const moments = [startMs, ...stepsMs.map((step) => (nowMs += step))]
          const taken = takenAt({ capacity, refillPerSecond }, moments)
          expect(worstExcess(taken, { capacity, refillPerSecond })).toBeLessThan(1e-4)
        },
      ),
    )
  })

  test("gives no fewer either: taking continuously yields capacity + rate * t tokens in t seconds", () => {
    const everyMs = Array.from({ length: 10_001 }, (_, ms) => ms)
    expect(takenAt({ capacity: 10, refillPerSecond: 10 }, everyMs)).toHaveLength(10 + 100)
  })

  test("keeps its rate after hours: no rounding error adds up", () => {
    const thirds = Array.from({ length: 200_000 }, (_, index) => index * 33.3)
    const taken = takenAt({ capacity: 5, refillPerSecond: 3 }, thirds)
    const elapsedS = (200_000 * 33.3) / 1000
    expect(Math.abs(taken.length - (5 + 3 * elapsedS))).toBeLessThan(2)
  })

  test("returns how long the next token takes, and has it then", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.double({ min: 0.1, max: 50, noNaN: true }),
        fc.double({ min: 0, max: 5000, noNaN: true }),
        (capacity, refillPerSecond, pauseMs) => {
          let nowMs = 0
          const bucket = createTokenBucket({ capacity, refillPerSecond, monotonicMs: () => nowMs })
          while (bucket.take());
          nowMs += pauseMs
          while (bucket.take());
          const waitMs = bucket.waitMs()
          expect(waitMs).toBeGreaterThan(0)
          expect(waitMs).toBeLessThanOrEqual(1000 / refillPerSecond + 1e-6)
          nowMs += waitMs + 1e-6
          expect(bucket.available()).toBe(1)
        },
      ),
    )
  })

  test("is full at first, and never exceeds its capacity", () => {
    let nowMs = 0
    const bucket = createTokenBucket({ capacity: 3, refillPerSecond: 10, monotonicMs: () => nowMs })
    expect(bucket.available()).toBe(3)
    nowMs = 3_600_000
    expect(bucket.available()).toBe(3)
    expect([bucket.take(), bucket.take(), bucket.take(), bucket.take()]).toEqual([true, true, true, false])
  })

  test("a change keeps the tokens that fit, and what is refilled of the next one", () => {
    let nowMs = 0
    const bucket = createTokenBucket({ capacity: 9, refillPerSecond: 10, monotonicMs: () => nowMs })
    for (let taken = 0; taken < 4; taken += 1) bucket.take()
    bucket.change({ capacity: 3, refillPerSecond: 4 })
    expect([bucket.available(), bucket.isFull()]).toEqual([3, true])
    for (let taken = 0; taken < 3; taken += 1) bucket.take()
    nowMs += 125
    bucket.change({ capacity: 9, refillPerSecond: 10 })
    expect([bucket.available(), bucket.waitMs(), bucket.isFull()]).toEqual([0, 50, false])
  })

  test("a rate that changes at every moment loses and invents no tokens, and never says 0 ms without a token", () => {
    let nowMs = 0
    const bucket = createTokenBucket({ capacity: 9, refillPerSecond: 10, monotonicMs: () => nowMs })
    while (bucket.take());
    let expected = 0
    let taken = 0
    for (let step = 0; step < 10_000; step += 1) {
      const refillPerSecond = step % 2 === 0 ? 10 : 1
      bucket.change({ capacity: Math.max(1, refillPerSecond - 1), refillPerSecond })
      nowMs += 100
      expected += refillPerSecond / 10
      while (bucket.take()) taken += 1
      expect(bucket.waitMs()).toBeGreaterThan(0)
    }
    expect(Math.abs(taken - expected)).toBeLessThan(2)
  })
})
