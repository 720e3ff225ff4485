import { describe, expect, test } from "bun:test"
import { type Cuttable, type Probe, createCutter } from "../../src/exports/cutter.ts"
import type { Page } from "../../src/exports/source.ts"
import { createWindowReading } from "../../src/exports/window.ts"
import { momentOf } from "./support.ts"

const marginS = 10

function page(seconds: readonly number[], totalItems: number, count = seconds.length): Page {
  return {
    length: seconds.length,
    id: (index) => `m${seconds[index]}`,
    second: (index) => seconds[index],
    fingerprint: (index) => seconds[index]!,
    addIds: () => {},
    bytes: () => new Uint8Array(),
    release: () => {},
    totalItems,
    count,
    sentAt: momentOf(1_000_000),
  }
}

/** A reading that got its first page, of seconds 1 to 10, and has so many rows more. */
function readingOf(rest: number): Cuttable {
  const reading = createWindowReading({
    listId: "a",
    from: { since: -Infinity },
    marginS,
    versions: new Map(),
  })
  reading.receive(page([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 10 + rest), reading.nextQuestion()!)
  return { reading }
}

const offsets = (probes: readonly Probe<Cuttable>[]) => probes.map(({ query }) => query.offset)

describe("createCutter()", () => {
  test("asks for single rows at quantiles of what the longest reading has left besides the page under way", () => {
    const [short, long] = [readingOf(60), readingOf(110)]
    const probes = createCutter().probes([short, long], 3)
    expect(probes.every(({ task }) => task === long)).toBe(true)
    expect(probes.map(({ query }) => [query.since, query.before, query.offset, query.count])).toEqual([
      [9, undefined, 35, 1],
      [9, undefined, 60, 1],
      [9, undefined, 85, 1],
    ])
  })

  test("cuts no piece that is shorter than a page, as that would cost more pages", () => {
    expect(offsets(createCutter().probes([readingOf(25)], 9))).toEqual([17])
    expect(createCutter().probes([readingOf(20)], 9)).toEqual([])
  })

  test("goes on with the longest piece while cuts are to come", () => {
    const cutter = createCutter()
    const task = readingOf(90)
    expect(offsets(cutter.probes([task], 1))).toEqual([50])
    expect(offsets(cutter.probes([task], 1))).toEqual([30])
    expect(offsets(cutter.probes([task], 3))).toEqual([60, 70, 80])
  })

  test("looks at a reading anew when it was cut", () => {
    const cutter = createCutter()
    const task = readingOf(110)
    cutter.probes([task], 9)
    task.reading.cut(900)
    // It is not known yet how many rows it has left then.
    expect(cutter.probes([task], 2)).toEqual([])
    const question = task.reading.nextQuestion()!
    expect(question.query).toMatchObject({ since: 9, before: 901 })
    task.reading.receive(page([10, 11, 12, 13, 14, 15, 16, 17, 18, 19], 100), question)
    expect(offsets(cutter.probes([task], 2))).toEqual([37, 63])
  })

  const query = { listId: "a", sort: "last_changed", offset: 0 } as const

  /** A reading whose first page of ten is under way, where so many rows are expected, and the rows requested beside it. */
  function beginReading(rows: number, spare: number) {
    const cutter = createCutter<Cuttable>()
    const reading = createWindowReading({
      listId: "a",
      from: { since: -Infinity },
      marginS,
      versions: new Map(),
    })
    const question = reading.nextQuestion()!
    const task = { reading }
    cutter.begin(task, question.query, { rows, pageRows: 10 })
    const probes = cutter.probes([task], spare)
    const receive = (totalItems: number, spare = 0) => {
      const first = page([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], totalItems)
      reading.receive(first, question)
      return cutter.received(task, first, spare)
    }
    return { cutter, task, probes, receive }
  }

  test("asks beside the first page of a list, once, by how many rows are expected", () => {
    const { cutter, task, probes } = beginReading(110, 3)
    expect(probes.map(({ query }) => query)).toEqual([
      { ...query, status: undefined, since: undefined, before: undefined, offset: 39, count: 1 },
      { ...query, status: undefined, since: undefined, before: undefined, offset: 68, count: 1 },
      { ...query, status: undefined, since: undefined, before: undefined, offset: 97, count: 1 },
    ])
    expect(cutter.probes([task], 9)).toEqual([])
    // What fits three pages is not cut.
    expect(beginReading(30, 9).probes).toEqual([])
    expect(offsets(beginReading(31, 9).probes)).toEqual([19, 28])
  })

  test("cuts at such a row as soon as the first page has come, not before", () => {
    const { cutter, probes, receive } = beginReading(110, 3)
    expect(cutter.found(probes[0]!, 34)).toBeUndefined()
    expect(cutter.found(probes[2]!, undefined)).toBeUndefined()
    expect(receive(108)).toEqual({ seconds: [34], probes: [] })
    expect(cutter.found(probes[1]!, 59)).toBe(59)
  })

  test("asks as if nothing had been expected where the first page counts far more or far fewer rows", () => {
    for (const totalItems of [55, 2000]) {
      const { cutter, task, probes, receive } = beginReading(310, 3)
      cutter.found(probes[0]!, 84)
      cutter.found(probes[1]!, 159)
      // The third one still holds its permit.
      const { seconds, probes: instead } = receive(totalItems, 2)
      expect(seconds).toEqual([])
      const plain = createCutter<Cuttable>().probes([task], 3)
      expect(plain.length).toBeGreaterThan(1)
      expect(offsets(instead)).toEqual(offsets(plain))
      expect(instead[0]!.query.since).toBe(9)
      expect(cutter.found(probes[2]!, 234)).toBeUndefined()
    }
  })

  test("leaves a list whole that ends with its first page, or begins with members without a date", () => {
    const { cutter, probes, receive } = beginReading(310, 1)
    cutter.found(probes[0]!, 159)
    expect(receive(10)).toEqual({ seconds: [], probes: [] })

    const undated = beginReading(310, 1)
    undated.cutter.found(undated.probes[0]!, 159)
    const first = page([], 310, 10)
    expect(undated.cutter.received(undated.task, first, 1)).toEqual({ seconds: [], probes: [] })
  })
})
