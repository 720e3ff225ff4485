import { describe, expect, test } from "bun:test"
import type { Reading } from "../../src/exports/reading.ts"
import type { Page } from "../../src/exports/source.ts"
import { createTally, type Tally } from "../../src/exports/tally.ts"
import { momentOf, pageOfIds } from "./support.ts"

function page(ids: string, totalItems: number): Page {
  return {
    ...pageOfIds([...ids]),
    second: () => undefined,
    fingerprint: (index) => ids[index]!,
    totalItems,
    count: 10,
    sentAt: momentOf(1000),
  }
}

const dated = (ids: string, second: number, totalItems = ids.length): Page => ({
  ...page(ids, totalItems),
  second: () => second,
})

const HORIZON = 500
const OLD = 400
const NEW = 600

const read = (reading: Reading, answer: Page) => reading.receive(answer, reading.nextQuestion()!).ranges

const options = {
  listId: "a",
  status: undefined,
  since: undefined,
  before: undefined,
  horizon: HORIZON,
  marginS: 10,
  isResumed: false,
}

const start = () => createTally(options, new Map())

const selected = (start: number, end: number) => ({ ranges: [{ start, end }], again: [] })

/** Rows that were delivered, of a question without a filter where they say what is counted. */
function deliver(tally: Tally, ids: string, second: number, counted?: number): void {
  tally.add(dated(ids, second, counted), selected(0, ids.length), counted !== undefined)
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
    expect(look.receive(dated("a", NEW, 3), question).ranges).toEqual([])
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
    expect(undated.receive(answer, question).ranges).toEqual([{ start: 0, end: 1 }])
    tally.add(answer, selected(0, 1), false)
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

  /** Answers a reading by offset until it ends; gives the directions that were asked for. */
  function readAll(reading: Reading, answerOf: (direction: string, offset: number) => Page): string[] {
    const directions: string[] = []
    for (let next = reading.nextQuestion(); next; next = reading.nextQuestion()) {
      const { direction = "ASC", offset, since } = next.query
      if (directions.at(-1) !== direction) directions.push(direction)
      reading.receive(since === undefined ? answerOf(direction, offset) : page("", 0), next)
    }
    expect(reading.isDone()).toBe(true)
    return directions
  }

  function untilRecount(tally: Tally, counted: number): Reading {
    read(readingOf(tally), dated("x", OLD, counted))
    expect(tally.remedy()).toBe("tails")
    return readingOf(tally)
  }

  test("counts and runs the tail again, then reads all in both directions, which shows a wrong count", () => {
    const tally = start()
    deliver(tally, "ab", OLD, 4)
    const directions = readAll(untilRecount(tally, 4), (_, offset) => dated(offset === 0 ? "ab" : "", OLD, 4))
    expect(directions).toEqual(["ASC", "DESC", "ASC"])
    expect(tally.remedy()).toBeUndefined()
    expect(tally.countDiffers()).toBe(2)
    expect(tally.isReadAgain()).toBe(false)
  })

  test("reads all in both directions at once where a reading came to fewer rows than were counted", () => {
    const tally = start()
    deliver(tally, "ab", OLD, 4)
    tally.doubtCount()
    readAll(readingOf(tally), (_, offset) => dated(offset === 0 ? "ab" : "", OLD, 4))
    expect(tally.remedy()).toBeUndefined()
  })

  test("delivers all once more, and is short, where a direction hides a row", () => {
    const tally = start()
    deliver(tally, "ab", OLD, 4)
    const rowsBy = (direction: string) => (direction === "DESC" ? "cba" : "ab")
    readAll(untilRecount(tally, 4), (direction, offset) => dated(rowsBy(direction).slice(offset), OLD, 4))
    const plain = readingOf(tally)
    const question = plain.nextQuestion()!
    expect(question.query).toMatchObject({ direction: "DESC", offset: 0 })
    expect(plain.receive(dated("cba", OLD, 4), question).ranges).toEqual([{ start: 0, end: 3 }])
    readAll(plain, (_, offset) => dated("cba".slice(offset), OLD, 4))
    expect(tally.remedy()).toBe("none")
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
    tally.add(page("abc", 9), selected(0, 3), true)
    expect(readingOf(tally).nextQuestion()?.query).toMatchObject({ direction: "DESC", offset: 0 })
  })

  test("needs to read nothing more when a first page ends with a member without a date, and is the only one", () => {
    const tally = start()
    tally.add(page("abc", 3), selected(0, 3), true)
    expect(tally.remedy()).toBeUndefined()
  })
})
