import { describe, expect, test } from "bun:test"
import { countRows } from "../../src/scan/deduplicate.ts"
import { createExpectedRows } from "../../src/exports/expected-rows.ts"
import { planExport } from "../../src/exports/plan.ts"
import { createScan } from "../../src/scan/scan.ts"
import type { Page, Source } from "../../src/scan/source.ts"
import { createFixedAllowance } from "../../src/mailchimp/limiter/allowance.ts"
import { createLimiter } from "../../src/mailchimp/limiter/limiter.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"
import { momentOf } from "../support/members.ts"

const START = 1_700_000_000
const PERMITS = 10
const PAGE_ROWS = 1000

/** A rate that is high enough not to limit the export. */
const NO_RATE = 1000

/**
 * How long an export takes, in virtual seconds, and how many requests. Each list has one row per second, but a second in its
 * middle may have as many as a bulk import.
 */
async function measure(options: {
  readonly lists: number
  readonly rows: number
  readonly perSecond: number
  readonly latencyMs?: number
  readonly imported?: number
  /** How many members each list has according to Mailchimp's statistics. */
  readonly expected?: number
}) {
  const { lists, rows, perSecond, latencyMs = 300, imported = 1, expected = 0 } = options
  const oldest = START - rows - 1000
  const middle = Math.floor(rows / 3)
  const secondOf = (row: number) => oldest + (row < middle ? row : Math.max(middle, row - imported + 1))
  /** How many rows of a list are of this second or earlier. */
  const rowsUpTo = (second: number) => {
    const seconds = second - oldest + 1
    return Math.min(rows, Math.max(0, seconds > middle ? seconds + imported - 1 : seconds))
  }
  const { signal } = new AbortController()
  const clock = createVirtualClock(START * 1000)
  const nowS = () => clock.now() / 1000
  const limiter = createLimiter({
    allowance: createFixedAllowance({ permits: PERMITS, ratePerSecond: perSecond }),
    clock,
  })
  const flow = limiter.join()
  const ids = Array.from({ length: lists }, (_, index) => `list${index}`)
  let requests = 0

  const request = async () => {
    using permit = await flow.acquire(signal)
    const sentAt = momentOf(Math.floor(nowS()))
    requests += 1
    await clock.sleep(latencyMs)
    permit.succeeded()
    return sentAt
  }

  const source: Source = {
    now: () => momentOf(Math.floor(nowS())),
    spare: flow.spare,
    expected: createExpectedRows(
      ids.map((id) => ({ id, memberCount: expected, unsubscribeCount: 0, cleanedCount: 0 })),
      PAGE_ROWS,
      flow.spare,
    ),
    waitUntil: (second) => clock.sleep((second - nowS()) * 1000),
    pause: (seconds) => clock.sleep(seconds * 1000),
    read: async ({ since, before = START, offset, count = PAGE_ROWS }) => {
      const sentAt = await request()
      const first = since === undefined ? 0 : rowsUpTo(since)
      const total = Math.max(0, rowsUpTo(before) - first)
      const length = Math.max(0, Math.min(count, total - offset))
      const page: Page = {
        length,
        id: (index) => String(first + offset + index),
        second: (index) => secondOf(first + offset + index),
        status: () => undefined,
        fingerprint: (index) => first + offset + index,
        bytes: () => new Uint8Array(),
        release: () => {},
        totalItems: total,
        count,
        sentAt,
        addIds: () => {},
      }
      return page
    },
  }

  let delivered = 0
  const exportAll = async () => {
    // An export begins with a request for its lists. The measurement begins after it, with all tokens available.
    await request()
    await clock.sleep(1000)
    requests = 0
    const startedS = nowS()
    const plan = planExport(ids, {}, START - 20)
    for await (const item of createScan({ ...plan, marginS: 10 }, source, signal).pages())
      if ("ranges" in item) delivered += countRows(item.ranges)
    return nowS() - startedS
  }
  const seconds = await clock.settle(exportAll())
  expect(delivered).toBe(lists * rows)
  return { seconds, requests }
}

describe("splitting", () => {
  test.each([
    [200_000, 1.18],
    [1_000_000, 1.06],
  ])(
    "reads %d members of one list in little more time than its pages over the permits take",
    async (rows, most) => {
      const { seconds, requests } = await measure({ lists: 1, rows, perSecond: NO_RATE })
      const limit = (rows / PAGE_ROWS / PERMITS) * 0.3
      console.info(`${rows}: ${(seconds / limit).toFixed(3)} of the limit, ${requests} requests`)
      expect(seconds / limit).toBeLessThan(most)
    },
  )

  test("reads the pages of a bulk import in parallel, and meanwhile the rows after it", async () => {
    const options = { lists: 1, rows: 200_000, perSecond: NO_RATE, imported: 20_000 }
    const { seconds, requests } = await measure(options)
    console.info(
      `200000, 20000 in one second: ${(seconds / 6).toFixed(3)} of the limit, ${requests} requests`,
    )
    expect(seconds / 6).toBeLessThan(1.3)
  })

  test.each([
    [200_000, 1.15],
    [1_000_000, 1.15],
  ])("reads %d members in little more time than their requests over the rate take", async (rows, most) => {
    const { seconds, requests } = await measure({ lists: 1, rows, perSecond: 10 })
    const limit = (rows / PAGE_ROWS - 10) / 10
    console.info(`${rows}: ${(seconds / limit).toFixed(3)} of the limit, ${requests} requests`)
    expect(seconds / limit).toBeLessThan(most)
  })

  test("reads many lists in parallel, each in about as many requests as it has pages", async () => {
    const { seconds, requests } = await measure({ lists: 100, rows: 1960, perSecond: NO_RATE })
    console.info(`100 lists: ${(seconds / 6).toFixed(3)} of the limit, ${requests} requests`)
    expect(seconds / 6).toBeLessThan(1.2)
    expect(requests).toBeLessThan(220)
  })

  // Two requests cannot be enough, whatever they are for. Suppose that another row of the first page's last second did not
  // fit, and that one of the 1,000 rows left before they were counted: all rows and counts of two responses would be equal.
  test("sends one more request if the last page is full", async () => {
    const { requests } = await measure({ lists: 100, rows: 2000, perSecond: NO_RATE })
    expect(requests).toBe(300)
  })

  test("reads 20,000 members in four rounds if the statistics give their approximate number", async () => {
    const without = await measure({ lists: 1, rows: 20_000, perSecond: NO_RATE })
    expect(without.seconds / 0.3).toBeCloseTo(5)
    // The statistics omit pending members, here a twentieth.
    for (const expected of [20_000, 19_000]) {
      const { seconds, requests } = await measure({ lists: 1, rows: 20_000, perSecond: NO_RATE, expected })
      // The first page together with the probes, twice ten pages, and the tail.
      expect(seconds / 0.3).toBeCloseTo(4)
      expect(requests).toBeLessThanOrEqual(without.requests)
    }
  })

  const wrong = [1, 2500, 5000, 12_000, 19_000, 21_000, 40_000, 300_000, 1e8, Number.MAX_SAFE_INTEGER]
  test.each(wrong)(
    "takes no longer if the statistics say %d, and at most as many additional requests as there are permits",
    async (expected) => {
      for (const rows of [900, 2500, 5000, 10_000, 20_000, 50_000, 200_000]) {
        const without = await measure({ lists: 1, rows, perSecond: NO_RATE })
        const { seconds, requests } = await measure({ lists: 1, rows, perSecond: NO_RATE, expected })
        expect(seconds).toBeLessThan(without.seconds + 0.01)
        expect(requests).toBeLessThanOrEqual(without.requests + PERMITS)
      }
    },
  )

  test("costs no additional request for a list that is not split, if the statistics are right", async () => {
    for (const rows of [1, 900, 1000, 1500, 2500, 2999]) {
      const without = await measure({ lists: 1, rows, perSecond: NO_RATE })
      expect(await measure({ lists: 1, rows, perSecond: NO_RATE, expected: rows })).toEqual(without)
    }
  })

  test("sends probes after the first page if the rate is the limit", async () => {
    for (const rows of [5000, 20_000, 200_000]) {
      const without = await measure({ lists: 1, rows, perSecond: 10 })
      expect(await measure({ lists: 1, rows, perSecond: 10, expected: rows })).toEqual(without)
    }
  })
})
