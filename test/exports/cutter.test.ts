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
})
