import { describe, expect, test } from "bun:test"
import { type Splittable, type Probe, createSplitPoints } from "../../src/scan/split-points.ts"
import type { Page } from "../../src/scan/source.ts"
import { createWindowReading } from "../../src/scan/window/window.ts"
import { momentOf } from "../support/members.ts"

const marginS = 10

function page(seconds: readonly number[], totalItems: number, count = seconds.length): Page {
  return {
    length: seconds.length,
    id: (index) => `m${seconds[index]}`,
    second: (index) => seconds[index],
    status: () => undefined,
    fingerprint: (index) => seconds[index]!,
    addIds: () => {},
    bytes: () => new Uint8Array(),
    release: () => {},
    totalItems,
    count,
    sentAt: momentOf(1_000_000),
  }
}

/** A reading that received its first page, with seconds 1 to 10, and has `rest` more rows. */
function readingOf(rest: number): Splittable {
  const reading = createWindowReading({
    listId: "a",
    from: { since: -Infinity },
    horizon: 1000,
    marginS,
    versions: new Map(),
  })
  reading.receive(page([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 10 + rest), reading.nextRequest()!)
  return { reading }
}

const offsets = (probes: readonly Probe<Splittable>[]) => probes.map(({ query }) => query.offset)

describe("createSplitPoints()", () => {
  test("requests single rows at quantiles of what the longest reading has left after its pending page", () => {
    const [short, long] = [readingOf(60), readingOf(110)]
    const probes = createSplitPoints().probes([short, long], 3)
    expect(probes.every(({ task }) => task === long)).toBe(true)
    expect(probes.map(({ query }) => [query.since, query.before, query.offset, query.count])).toEqual([
      [9, undefined, 35, 1],
      [9, undefined, 60, 1],
      [9, undefined, 85, 1],
    ])
  })

  test("splits off no piece shorter than a page, because that would cost more pages", () => {
    expect(offsets(createSplitPoints().probes([readingOf(25)], 9))).toEqual([17])
    expect(createSplitPoints().probes([readingOf(20)], 9)).toEqual([])
  })

  test("continues with the longest piece while splits are pending", () => {
    const splitPoints = createSplitPoints()
    const task = readingOf(90)
    expect(offsets(splitPoints.probes([task], 1))).toEqual([50])
    expect(offsets(splitPoints.probes([task], 1))).toEqual([30])
    expect(offsets(splitPoints.probes([task], 3))).toEqual([60, 70, 80])
  })

  test("starts over with a reading that was split", () => {
    const splitPoints = createSplitPoints()
    const task = readingOf(110)
    splitPoints.probes([task], 9)
    task.reading.split(900)
    // How many rows the reading has left is not known yet.
    expect(splitPoints.probes([task], 2)).toEqual([])
    const request = task.reading.nextRequest()!
    expect(request.query).toMatchObject({ since: 9, before: 901 })
    task.reading.receive(page([10, 11, 12, 13, 14, 15, 16, 17, 18, 19], 100), request)
    expect(offsets(splitPoints.probes([task], 2))).toEqual([37, 63])
  })

  const query = { listId: "a", sort: "last_changed", offset: 0 } as const

  /** A reading whose first page of ten is pending and that is expected to have `rows`, and the probes sent with that page. */
  function beginReading(rows: number, spare: number) {
    const splitPoints = createSplitPoints<Splittable>()
    const reading = createWindowReading({
      listId: "a",
      from: { since: -Infinity },
      horizon: 1000,
      marginS,
      versions: new Map(),
    })
    const request = reading.nextRequest()!
    const task = { reading }
    splitPoints.begin(task, request.query, { rows, pageRows: 10 })
    const probes = splitPoints.probes([task], spare)
    const receive = (totalItems: number, spare = 0) => {
      const first = page([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], totalItems)
      reading.receive(first, request)
      return splitPoints.received(task, first, spare)
    }
    return { splitPoints, task, probes, receive }
  }

  test("sends probes once with the first page of a list, placed by the expected number of rows", () => {
    const { splitPoints, task, probes } = beginReading(110, 3)
    expect(probes.map(({ query }) => query)).toEqual([
      { ...query, status: undefined, since: undefined, before: undefined, offset: 39, count: 1 },
      { ...query, status: undefined, since: undefined, before: undefined, offset: 68, count: 1 },
      { ...query, status: undefined, since: undefined, before: undefined, offset: 97, count: 1 },
    ])
    expect(splitPoints.probes([task], 9)).toEqual([])
    // A list that fits three pages is not split.
    expect(beginReading(30, 9).probes).toEqual([])
    expect(offsets(beginReading(31, 9).probes)).toEqual([19, 28])
  })

  test("splits at such a row as soon as the first page has arrived, not before", () => {
    const { splitPoints, probes, receive } = beginReading(110, 3)
    expect(splitPoints.found(probes[0]!, 34)).toBeUndefined()
    expect(splitPoints.found(probes[2]!, undefined)).toBeUndefined()
    expect(receive(108)).toEqual({ seconds: [34], probes: [] })
    expect(splitPoints.found(probes[1]!, 59)).toBe(59)
  })

  test("sends probes as if nothing was expected if the first page counts far more or far fewer rows", () => {
    for (const totalItems of [55, 2000]) {
      const { splitPoints, task, probes, receive } = beginReading(310, 3)
      splitPoints.found(probes[0]!, 84)
      splitPoints.found(probes[1]!, 159)
      // The third probe still holds its permit.
      const { seconds, probes: instead } = receive(totalItems, 2)
      expect(seconds).toEqual([])
      const plain = createSplitPoints<Splittable>().probes([task], 3)
      expect(plain.length).toBeGreaterThan(1)
      expect(offsets(instead)).toEqual(offsets(plain))
      expect(instead[0]!.query.since).toBe(9)
      expect(splitPoints.found(probes[2]!, 234)).toBeUndefined()
    }
  })

  test("does not split a list that ends with its first page, or begins with members without a date", () => {
    const { splitPoints, probes, receive } = beginReading(310, 1)
    splitPoints.found(probes[0]!, 159)
    expect(receive(10)).toEqual({ seconds: [], probes: [] })

    const undated = beginReading(310, 1)
    undated.splitPoints.found(undated.probes[0]!, 159)
    const first = page([], 310, 10)
    expect(undated.splitPoints.received(undated.task, first, 1)).toEqual({ seconds: [], probes: [] })
  })
})
