import { describe, expect, test } from "bun:test"
import type { Reading } from "../../src/exports/reading.ts"
import type { Page } from "../../src/exports/source.ts"
import { createTally, type Tally } from "../../src/exports/tally.ts"

function page(ids: string, totalItems: number): Page {
  return {
    length: ids.length,
    id: (index) => ids[index]!,
    second: () => undefined,
    fingerprint: (index) => ids[index]!,
    bytes: () => new Uint8Array(),
    release: () => {},
    totalItems,
    count: 10,
    askedAt: 1000,
  }
}

const start = () => createTally({ listId: "a", status: undefined }, new Map())

function readingOf(tally: Tally): Reading {
  const remedy = tally.remedy()
  if (typeof remedy !== "object") throw new Error(`Not a reading: ${remedy}`)
  return remedy
}

describe("createTally()", () => {
  test("is content when as many rows were delivered as were counted", () => {
    const tally = start()
    tally.add(2, 3)
    tally.add(1, undefined)
    expect(tally.remedy()).toBeUndefined()
  })

  test("counts again before it believes that rows are missing, as members may have left", () => {
    const tally = start()
    tally.add(2, 3)
    const count = readingOf(tally)
    expect(count.question()?.query).toMatchObject({ offset: 0, count: 1 })
    count.receive(page("x", 2))
    expect(count.question()).toBeUndefined()
    expect(tally.remedy()).toBeUndefined()
  })

  test("runs the tail again, then reads all plainly, then gives up", () => {
    const tally = start()
    tally.add(2, 4)
    readingOf(tally).receive(page("x", 4))
    expect(tally.remedy()).toBe("tails")
    readingOf(tally).receive(page("x", 4))
    const plain = readingOf(tally)
    expect(plain.question()?.query).toEqual({
      listId: "a",
      status: undefined,
      sort: "last_changed",
      offset: 0,
    })
    const { ranges } = plain.receive(page("abc", 4))
    tally.add(3, undefined)
    expect(ranges).toEqual([{ start: 0, end: 3 }])
    readingOf(tally).receive(page("x", 4))
    expect(tally.remedy()).toBe("none")
  })
})
