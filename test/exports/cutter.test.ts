import { describe, expect, test } from "bun:test"
import { type Cuttable, createCutter } from "../../src/exports/cutter.ts"
import type { Page } from "../../src/exports/source.ts"
import { createWindowReading } from "../../src/exports/window.ts"

const marginS = 10

function page(seconds: readonly number[], totalItems: number, count = seconds.length): Page {
  return {
    length: seconds.length,
    id: (index) => `m${seconds[index]}`,
    second: (index) => seconds[index],
    fingerprint: (index) => seconds[index]!,
    bytes: () => new Uint8Array(),
    release: () => {},
    totalItems,
    count,
    askedAt: 1_000_000,
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
  reading.receive(page([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 10 + rest))
  return { reading }
}

describe("createCutter()", () => {
  test("asks for single rows at quantiles of what the longest reading has left, and first for a proof of the filters", () => {
    const [short, long] = [readingOf(60), readingOf(110)]
    const probes = createCutter().probes([short, long], 3)
    expect(probes.every(({ task }) => task === long)).toBe(true)
    expect(
      probes.map(({ query, proves }) => [query.since, query.before, query.offset, query.count, proves]),
    ).toEqual([
      [9, 10, 0, 1, 10],
      [9, undefined, 38, 1, undefined],
      [9, undefined, 65, 1, undefined],
      [9, undefined, 93, 1, undefined],
    ])
  })

  test("cuts nothing before the proof, and then at the seconds that the rows have", () => {
    const cutter = createCutter()
    const task = readingOf(110)
    const [proof, first, second] = cutter.probes([task], 2)
    expect(cutter.receive(first!, page([400], 110))).toEqual([])
    expect(cutter.receive(proof!, page([10], 1))).toEqual([{ task, second: 400 }])
    expect(cutter.receive(second!, page([700], 110))).toEqual([{ task, second: 700 }])
  })

  test("never cuts again after three seconds whose row did not come", () => {
    const cutter = createCutter()
    for (let doubt = 0; doubt < 3; doubt += 1) {
      const [proof, first] = cutter.probes([readingOf(110)], 2)
      cutter.receive(first!, page([400], 110))
      expect(cutter.receive(proof!, page([], 0))).toEqual([])
    }
    expect(cutter.probes([readingOf(110)], 2)).toEqual([])
  })

  test("probes a reading once, and again only when it was cut", () => {
    const cutter = createCutter()
    const task = readingOf(110)
    cutter.probes([task], 2)
    expect(cutter.probes([task], 2)).toEqual([])
    task.reading.cut(900)
    task.reading.question()
    task.reading.receive(page([10, 11, 12, 13, 14, 15, 16, 17, 18, 19], 100))
    expect(cutter.probes([task], 2).length).toBeGreaterThan(0)
  })

  test("cuts nothing that is nearly read", () => {
    expect(createCutter().probes([readingOf(20)], 9)).toEqual([])
  })
})
