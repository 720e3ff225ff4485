import { expect, test } from "bun:test"
import { createPolls } from "../../src/follow/polls.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"

function start({ tails = 1, intervalS = 60 } = {}) {
  const clock = createVirtualClock()
  const polls = createPolls({ intervalS, ratePerSecond: 10, tails: () => tails, clock })
  return { clock, polls }
}

const names = (count: number) => Array.from({ length: count }, (_, index) => `list${index}`)

test("a list is due once an interval, counted from when it was read for whatever reason", async () => {
  const { clock, polls } = start()
  expect(polls.due(["a", "b"])).toEqual(["a", "b"])
  polls.read("a")
  await clock.advance(30_000)
  polls.read("b")
  await clock.advance(30_000)
  expect(polls.due(["a", "b"])).toEqual(["a"])
  polls.read("a")
  await clock.advance(30_000)
  expect(polls.due(["a", "b"])).toEqual(["b"])
})

test.each([
  [1, 0.25],
  [4, 0.0625],
])(
  "with 1,000 lists and %i tails, polls take %f of the rate, and no list is forgotten",
  async (tails, share) => {
    const { clock, polls } = start({ tails })
    const lists = names(1000)
    const reads = new Map<string, number>()
    const seconds = 3600 * tails
    for (let second = 0; second < seconds; second += 1) {
      for (const id of polls.due(lists)) {
        polls.read(id)
        reads.set(id, (reads.get(id) ?? 0) + 1)
      }
      await clock.advance(1000)
    }
    const requests = 2 * [...reads.values()].reduce((sum, count) => sum + count, 0)
    expect(requests / seconds).toBeLessThanOrEqual(10 * share * 1.02)
    expect(requests / seconds).toBeGreaterThan(10 * share * 0.95)
    expect(reads.size).toBe(1000)
    expect(Math.max(...reads.values()) - Math.min(...reads.values())).toBeLessThanOrEqual(1)
    expect(polls.intervalS(1000)).toBe(800 * tails)
    expect(polls.intervalS(1)).toBe(60)
  },
)
