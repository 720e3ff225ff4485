import { describe, expect, test } from "bun:test"
import { planExport } from "../../src/exports/plan.ts"
import { createScan } from "../../src/exports/scan.ts"
import type { Page, Source } from "../../src/exports/source.ts"
import { createVirtualTime } from "./model/virtual-time.ts"

const START = 1_700_000_000
const PAGE_S = 0.3
const PERMITS = 10
const PAGE_ROWS = 1000

/** How long an export takes, in virtual seconds, and how many requests: each list has a row a second. */
async function measure(options: {
  readonly lists: number
  readonly rows: number
  readonly perSecond?: number
}) {
  const { lists, rows, perSecond = Number.POSITIVE_INFINITY } = options
  const time = createVirtualTime(START)
  let requests = 0
  let busy = 0
  let waiting = 0
  /** When the last of the tokens there could be was there: a bucket of ten, refilled evenly. */
  let fullAt = START
  const tokens = () => 10 - Math.max(0, fullAt - time.now()) * perSecond
  let turn = Promise.resolve()
  let wake: (() => void) | undefined

  const source: Source = {
    clock: () => Math.floor(time.now()),
    spare: () =>
      Math.max(
        0,
        Math.floor(Math.min(PERMITS - busy, perSecond === Infinity ? PERMITS : tokens() + 1e-9)) - waiting,
      ),
    waitUntil: (second) => time.sleepUntil(second),
    read: async ({ since, before = START, offset, count = PAGE_ROWS }) => {
      waiting += 1
      const earlier = turn
      const { promise, resolve: done } = Promise.withResolvers<void>()
      turn = promise
      await earlier
      if (busy >= PERMITS) await new Promise<void>((resolve) => (wake = resolve))
      if (perSecond !== Infinity) {
        if (tokens() < 1) await time.sleepUntil(time.now() + (1 - tokens()) / perSecond)
        fullAt = Math.max(fullAt, time.now()) + 1 / perSecond
      }
      done()
      waiting -= 1
      busy += 1
      requests += 1
      const askedAt = Math.floor(time.now())
      await time.sleepUntil(time.now() + PAGE_S)
      busy -= 1
      wake?.()
      const oldest = START - rows - 1000
      const first = since === undefined ? oldest : Math.max(oldest, since + 1)
      const total = Math.max(0, Math.min(oldest + rows - 1, before) - first + 1)
      const length = Math.max(0, Math.min(count, total - offset))
      const page: Page = {
        length,
        id: (index) => String(first + offset + index),
        second: (index) => first + offset + index,
        fingerprint: (index) => first + offset + index,
        bytes: () => new Uint8Array(),
        release: () => {},
        totalItems: total,
        count,
        askedAt,
      }
      return page
    },
  }

  let delivered = 0
  const ids = Array.from({ length: lists }, (_, index) => `list${index}`)
  await time.run(
    (async () => {
      const scan = createScan(
        { ...planExport(ids, {}, START - 20), marginS: 10 },
        source,
        new AbortController().signal,
      )
      for await (const { ranges } of scan.deliveries())
        for (const { start, end } of ranges) delivered += end - start
    })(),
  )
  expect(delivered).toBe(lists * rows)
  return { seconds: time.now() - START, requests }
}

describe("cutting", () => {
  test.each([
    [200_000, 1.18],
    [1_000_000, 1.06],
  ])(
    "reads %d members of one list in little more than its pages over the permits take",
    async (rows, most) => {
      const { seconds, requests } = await measure({ lists: 1, rows })
      const limit = (rows / PAGE_ROWS / PERMITS) * PAGE_S
      console.info(`${rows}: ${(seconds / limit).toFixed(3)} of the limit, ${requests} requests`)
      expect(seconds / limit).toBeLessThan(most)
    },
  )

  test.each([
    [200_000, 1.15],
    [1_000_000, 1.15],
  ])("reads %d members in little more than their requests over the rate take", async (rows, most) => {
    const { seconds, requests } = await measure({ lists: 1, rows, perSecond: 10 })
    const limit = (rows / PAGE_ROWS - 10) / 10
    console.info(`${rows}: ${(seconds / limit).toFixed(3)} of the limit, ${requests} requests`)
    expect(seconds / limit).toBeLessThan(most)
  })

  // Of exactly 2,000 the second page is full, and a third must follow. Two cannot be enough, whatever they ask: had the last
  // row of the first page a twin in its second that did not fit, and did one of the 1,000 leave before they were counted,
  // all rows and counts of two answers would be the same.
  test("reads many lists side by side, each in as few requests as it has pages", async () => {
    const { seconds, requests } = await measure({ lists: 100, rows: 1960 })
    console.info(`100 lists: ${(seconds / 6).toFixed(3)} of the limit, ${requests} requests`)
    expect(seconds / 6).toBeLessThan(1.2)
    expect(requests).toBeLessThan(220)
  })
})
