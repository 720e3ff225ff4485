import { describe, expect, test } from "bun:test"
import { countRows } from "../../src/exports/delivery.ts"
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

const read = (reading: Reading, answer: Page) => reading.receive(answer, reading.nextQuestion()!)

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
    const question = count.nextQuestion()!
    expect(question.query).toMatchObject({ offset: 0, count: 1 })
    expect(count.receive(page("x", 2), question)).toEqual([])
    expect(count.isDone()).toBe(true)
    expect(tally.remedy()).toBeUndefined()
  })

  test("runs the tail again, then reads all plainly, then gives up", () => {
    const tally = start()
    tally.add(2, 4)
    read(readingOf(tally), page("x", 4))
    expect(tally.remedy()).toBe("tails")
    read(readingOf(tally), page("x", 4))
    const plain = readingOf(tally)
    const question = plain.nextQuestion()!
    expect(question.query).toEqual({ listId: "a", status: undefined, sort: "last_changed", offset: 0 })
    expect(plain.receive(page("abc", 4), question)).toEqual([{ start: 0, end: 3 }])
    tally.add(3, undefined)
    read(readingOf(tally), page("x", 4))
    expect(tally.remedy()).toBe("none")
  })

  test("counts who was not delivered again when all was read plainly, as he was the same", () => {
    const versions = new Map([["a", "a"]])
    const tally = createTally({ listId: "a", status: undefined }, versions)
    tally.add(2, 3)
    read(readingOf(tally), page("x", 3))
    expect(tally.remedy()).toBe("tails")
    read(readingOf(tally), page("x", 3))
    const plain = readingOf(tally)
    tally.add(countRows(read(plain, page("abc", 3))), undefined)
    expect(tally.remedy()).toBeUndefined()
  })

  test("looks at the last row once, where dates are doubted", () => {
    const tally = start()
    expect(tally.lookAtLastRow()).toBeUndefined()
    tally.doubtDates()
    const look = tally.lookAtLastRow()!
    const question = look.nextQuestion()!
    expect(question.query).toMatchObject({ direction: "DESC", offset: 0, count: 1 })
    expect(question.query.since).toBeUndefined()
    look.receive({ ...page("x", 1), second: () => 500 }, question)
    expect(tally.lookAtLastRow()).toBeUndefined()
    expect(tally.hasUndated()).toBe(false)
    expect(tally.remedy()).toBeUndefined()
  })

  test("reads all plainly when the last row has no date, though as many were delivered as are counted", () => {
    const tally = start()
    tally.add(3, 3)
    tally.doubtDates()
    read(tally.lookAtLastRow()!, page("x", 3))
    expect(tally.hasUndated()).toBe(true)
    read(readingOf(tally), page("abx", 3))
    tally.add(3, undefined)
    expect(tally.hasUndated()).toBe(true)
    expect(tally.remedy()).toBeUndefined()
    expect(tally.hasUndated()).toBe(false)
  })
})
