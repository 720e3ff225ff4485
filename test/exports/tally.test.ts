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

const dated = (ids: string, second: number, totalItems = ids.length): Page => ({
  ...page(ids, totalItems),
  second: () => second,
})

const HORIZON = 500
const OLD = 400
const NEW = 600

const read = (reading: Reading, answer: Page) => reading.receive(answer, reading.nextQuestion()!)

const start = () => createTally({ listId: "a", status: undefined, horizon: HORIZON }, new Map())

/** Rows that were delivered, of a question without a filter where they say what is counted. */
function deliver(tally: Tally, ids: string, second: number, counted?: number): void {
  tally.add(dated(ids, second, counted), [{ start: 0, end: ids.length }], counted !== undefined)
}

function readingOf(tally: Tally): Reading {
  const remedy = tally.remedy()
  if (typeof remedy !== "object") throw new Error(`Not a reading: ${remedy}`)
  return remedy
}

describe("createTally()", () => {
  test("is content when as many rows up to the horizon were delivered as were counted", () => {
    const tally = start()
    deliver(tally, "ab", OLD, 3)
    deliver(tally, "c", OLD)
    expect(tally.remedy()).toBeUndefined()
  })

  test("looks at the last row, and then runs the tail again, when rows after the horizon make up the count", () => {
    const tally = start()
    deliver(tally, "ab", OLD, 3)
    deliver(tally, "a", NEW)
    const look = readingOf(tally)
    const question = look.nextQuestion()!
    expect(question.query).toEqual({
      listId: "a",
      status: undefined,
      sort: "last_changed",
      direction: "DESC",
      offset: 0,
      count: 1,
    })
    expect(look.receive(dated("a", NEW, 3), question)).toEqual([])
    expect(look.isDone()).toBe(true)
    expect(tally.remedy()).toBe("tails")
    expect(tally.remedy()).toBeUndefined()
  })

  test("reads the members without a date that a look found, and then runs the tail again", () => {
    const tally = start()
    deliver(tally, "ab", OLD, 3)
    deliver(tally, "a", NEW)
    read(readingOf(tally), page("x", 3))
    const undated = readingOf(tally)
    const question = undated.nextQuestion()!
    expect(question.query).toMatchObject({ direction: "DESC", offset: 0 })
    const answer = { ...page("xa", 3), second: (index: number) => (index === 0 ? undefined : NEW) }
    expect(undated.receive(answer, question)).toEqual([{ start: 0, end: 1 }])
    tally.add(answer, [{ start: 0, end: 1 }], false)
    expect(undated.isDone()).toBe(true)
    expect(tally.remedy()).toBe("tails")
    expect(tally.remedy()).toBeUndefined()
  })

  test("asks a look again that brought no row, and says that nothing helps when none comes", () => {
    const tally = start()
    deliver(tally, "ab", OLD, 3)
    const look = readingOf(tally)
    const pauses = []
    for (let question = look.nextQuestion(); question; question = look.nextQuestion()) {
      pauses.push(question.pauseS)
      look.receive(page("", 3), question)
    }
    expect(pauses).toEqual([undefined, 1, 2, 4])
    expect(look.isDone()).toBe(true)
    expect(tally.remedy()).toBe("none")
  })

  test("counts again before it believes that rows are missing, as members may have left", () => {
    const tally = start()
    deliver(tally, "ab", OLD, 3)
    read(readingOf(tally), dated("x", OLD, 2))
    expect(tally.remedy()).toBe("tails")
    expect(tally.remedy()).toBeUndefined()
  })

  test("counts and runs the tail again, twice, then reads all plainly, then gives up", () => {
    const tally = start()
    deliver(tally, "ab", OLD, 4)
    read(readingOf(tally), dated("x", OLD, 4))
    expect(tally.remedy()).toBe("tails")
    read(readingOf(tally), dated("x", OLD, 4))
    expect(tally.remedy()).toBe("tails")
    const plain = readingOf(tally)
    const question = plain.nextQuestion()!
    expect(question.query).toEqual({
      listId: "a",
      status: undefined,
      sort: "last_changed",
      direction: "ASC",
      offset: 0,
    })
    expect(plain.receive(page("abc", 4), question)).toEqual([{ start: 0, end: 3 }])
    for (let next = plain.nextQuestion(); next; next = plain.nextQuestion())
      plain.receive(page(next.query.offset === 0 ? "abc" : "", 4), next)
    expect(plain.isDone()).toBe(true)
    expect(tally.remedy()).toBe("none")
  })

  test("is content when all was read plainly, though who was the same was not delivered again", () => {
    const versions = new Map([["a", "a"]])
    const tally = createTally({ listId: "a", status: undefined, horizon: HORIZON }, versions)
    deliver(tally, "ab", OLD, 3)
    read(readingOf(tally), dated("x", OLD, 3))
    expect(tally.remedy()).toBe("tails")
    read(readingOf(tally), dated("x", OLD, 3))
    expect(tally.remedy()).toBe("tails")
    const plain = readingOf(tally)
    expect(read(plain, page("abc", 3))).toEqual([{ start: 1, end: 3 }])
    read(plain, page("abc", 3))
    expect(plain.isDone()).toBe(true)
    expect(tally.remedy()).toBeUndefined()
  })

  test("looks at the last row once where dates are doubted, and at the first where it was not seen", () => {
    const tally = start()
    expect(tally.lookAtEnds()).toBeUndefined()
    tally.doubtDates()
    const look = tally.lookAtEnds()!
    expect(tally.lookAtEnds()).toBeUndefined()
    const last = look.nextQuestion()!
    expect(last.query).toMatchObject({ direction: "DESC", offset: 0, count: 1 })
    expect(last.query.since).toBeUndefined()
    look.receive(dated("x", OLD, 3), last)
    expect(look.isDone()).toBe(false)
    const first = look.nextQuestion()!
    expect(first.query).toMatchObject({ direction: "ASC", offset: 0, count: 1 })
    look.receive(page("y", 3), first)
    expect(look.isDone()).toBe(true)
    expect(readingOf(tally).nextQuestion()?.query).toMatchObject({ direction: "ASC", offset: 0 })
  })

  test("reads the members without a date when the last row has none, though as many were delivered as are counted", () => {
    const tally = start()
    deliver(tally, "abc", OLD, 3)
    tally.doubtDates()
    read(tally.lookAtEnds()!, page("x", 3))
    expect(readingOf(tally).nextQuestion()?.query).toMatchObject({ direction: "DESC", offset: 0 })
  })

  test("reads the members without a date when a first page ends with one, and more are to come", () => {
    const tally = start()
    tally.add(page("abc", 9), [{ start: 0, end: 3 }], true)
    expect(readingOf(tally).nextQuestion()?.query).toMatchObject({ direction: "DESC", offset: 0 })
  })

  test("needs to read nothing more when a first page ends with a member without a date, and is the only one", () => {
    const tally = start()
    tally.add(page("abc", 3), [{ start: 0, end: 3 }], true)
    expect(tally.remedy()).toBeUndefined()
  })
})
