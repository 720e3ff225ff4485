import { describe, expect, test } from "bun:test"
import type { Reading } from "../../../src/scan/reading.ts"
import type { Page } from "../../../src/scan/source.ts"
import { createReconciliation, type Reconciliation } from "../../../src/scan/reconciliation/reconciliation.ts"
import { momentOf, pageOfIds } from "../../support/members.ts"

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

const read = (reading: Reading, response: Page) => reading.receive(response, reading.nextRequest()!).ranges

const options = {
  listId: "a",
  status: undefined,
  since: undefined,
  before: undefined,
  horizon: HORIZON,
  marginS: 10,
  isResumed: false,
}

const start = () => createReconciliation(options, new Map())

const selected = (start: number, end: number) => ({ ranges: [{ start, end }], again: [] })

/** Adds delivered rows. If `counted` is given, they are of a request without a date filter. */
function deliver(reconciliation: Reconciliation, ids: string, second: number, counted?: number): void {
  reconciliation.add(dated(ids, second, counted), selected(0, ids.length), counted !== undefined)
}

function readingOf(reconciliation: Reconciliation): Reading {
  const remedy = reconciliation.remedy()
  if (typeof remedy !== "object") throw new Error(`Not a reading: ${remedy}`)
  return remedy
}

describe("createReconciliation()", () => {
  test("needs no remedy when as many rows up to the horizon were delivered as were counted", () => {
    const reconciliation = start()
    deliver(reconciliation, "ab", OLD, 3)
    deliver(reconciliation, "c", OLD)
    expect(reconciliation.remedy()).toBeUndefined()
  })

  test("checks the last row, and then runs the tail again, when rows after the horizon make up the count", () => {
    const reconciliation = start()
    deliver(reconciliation, "ab", OLD, 3)
    deliver(reconciliation, "a", NEW)
    const check = readingOf(reconciliation)
    const request = check.nextRequest()!
    expect(request.query).toEqual({
      listId: "a",
      status: undefined,
      sort: "last_changed",
      direction: "DESC",
      offset: 0,
      count: 1,
    })
    expect(check.receive(dated("a", NEW, 3), request).ranges).toEqual([])
    expect(check.isDone()).toBe(true)
    expect(reconciliation.remedy()).toBe("tails")
    expect(reconciliation.remedy()).toBeUndefined()
  })

  test("reads the members without a date that a check found, and then runs the tail again", () => {
    const reconciliation = start()
    deliver(reconciliation, "ab", OLD, 3)
    deliver(reconciliation, "a", NEW)
    read(readingOf(reconciliation), page("x", 3))
    const undated = readingOf(reconciliation)
    const request = undated.nextRequest()!
    expect(request.query).toMatchObject({ direction: "DESC", offset: 0 })
    const response = { ...page("xa", 3), second: (index: number) => (index === 0 ? undefined : NEW) }
    expect(undated.receive(response, request).ranges).toEqual([{ start: 0, end: 1 }])
    reconciliation.add(response, selected(0, 1), false)
    expect(undated.isDone()).toBe(true)
    expect(reconciliation.remedy()).toBe("tails")
    expect(reconciliation.remedy()).toBeUndefined()
  })

  test("repeats a check that returned no row", () => {
    const reconciliation = start()
    deliver(reconciliation, "ab", OLD, 3)
    expect(failedCheck(readingOf(reconciliation))).toEqual([undefined, 1, 2, 4])
  })

  test("recounts if no check returned a row, which proves that none exists", () => {
    const reconciliation = start()
    reconciliation.add(page("", 3), selected(0, 0), true)
    failedCheck(readingOf(reconciliation))
    expect(reconciliation.remedy()).toBe("tails")
    expect(readAll(readingOf(reconciliation), () => page("", 3))).toEqual(["ASC", "DESC", "ASC"])
    expect(reconciliation.remedy()).toBeUndefined()
    expect(reconciliation.countDiffers()).toBe(3)
  })

  test("recounts if no check returned a row, although as many were delivered as are counted", () => {
    const reconciliation = start()
    deliver(reconciliation, "abc", OLD)
    reconciliation.doubtDates()
    failedCheck(reconciliation.checkEnds())
    expect(reconciliation.remedy()).toBe("tails")
    expect(readingOf(reconciliation).nextRequest()?.query).toMatchObject({ direction: "ASC", offset: 0 })
  })

  test("is short if no response returns a row any more, although rows were delivered", () => {
    const reconciliation = start()
    deliver(reconciliation, "ab", OLD, 3)
    failedCheck(readingOf(reconciliation))
    expect(reconciliation.remedy()).toBe("tails")
    readAll(readingOf(reconciliation), () => page("", 3))
    readAll(readingOf(reconciliation), () => page("", 3))
    expect(reconciliation.remedy()).toBe("none")
  })

  test("counts again before it concludes that rows are missing, because members may have left", () => {
    const reconciliation = start()
    deliver(reconciliation, "ab", OLD, 3)
    read(readingOf(reconciliation), dated("x", OLD, 2))
    expect(reconciliation.remedy()).toBe("tails")
    expect(reconciliation.remedy()).toBeUndefined()
  })

  /** Responds without rows to a check, and returns for how long it paused before each of its requests. */
  function failedCheck(check: Reading | undefined): readonly (number | undefined)[] {
    const pauses: (number | undefined)[] = []
    for (let request = check?.nextRequest(); request; request = check?.nextRequest()) {
      pauses.push(request.pauseS)
      check?.receive(page("", 3), request)
    }
    expect(check?.isDone()).toBe(true)
    return pauses
  }

  /** Responds to a reading by offset until it ends. Returns the directions that were requested. */
  function readAll(reading: Reading, responseOf: (direction: string, offset: number) => Page): string[] {
    const directions: string[] = []
    for (let next = reading.nextRequest(); next; next = reading.nextRequest()) {
      const { direction = "ASC", offset, since } = next.query
      if (directions.at(-1) !== direction) directions.push(direction)
      reading.receive(since === undefined ? responseOf(direction, offset) : page("", 0), next)
    }
    expect(reading.isDone()).toBe(true)
    return directions
  }

  function untilRecount(reconciliation: Reconciliation, counted: number): Reading {
    read(readingOf(reconciliation), dated("x", OLD, counted))
    expect(reconciliation.remedy()).toBe("tails")
    return readingOf(reconciliation)
  }

  test("counts and runs the tail again, then reads all in both directions, which proves a wrong count", () => {
    const reconciliation = start()
    deliver(reconciliation, "ab", OLD, 4)
    const directions = readAll(untilRecount(reconciliation, 4), (_, offset) =>
      dated(offset === 0 ? "ab" : "", OLD, 4),
    )
    expect(directions).toEqual(["ASC", "DESC", "ASC"])
    expect(reconciliation.remedy()).toBeUndefined()
    expect(reconciliation.countDiffers()).toBe(2)
    expect(reconciliation.isReadAgain()).toBe(false)
  })

  test("reads all in both directions immediately if a reading found fewer rows than were counted", () => {
    const reconciliation = start()
    deliver(reconciliation, "ab", OLD, 4)
    reconciliation.doubtCount()
    readAll(readingOf(reconciliation), (_, offset) => dated(offset === 0 ? "ab" : "", OLD, 4))
    expect(reconciliation.remedy()).toBeUndefined()
  })

  test("delivers all rows once more, and is short, if a direction hides a row", () => {
    const reconciliation = start()
    deliver(reconciliation, "ab", OLD, 4)
    const rowsBy = (direction: string) => (direction === "DESC" ? "cba" : "ab")
    readAll(untilRecount(reconciliation, 4), (direction, offset) =>
      dated(rowsBy(direction).slice(offset), OLD, 4),
    )
    const plain = readingOf(reconciliation)
    const request = plain.nextRequest()!
    expect(request.query).toMatchObject({ direction: "DESC", offset: 0 })
    expect(plain.receive(dated("cba", OLD, 4), request).ranges).toEqual([{ start: 0, end: 3 }])
    readAll(plain, (_, offset) => dated("cba".slice(offset), OLD, 4))
    expect(reconciliation.remedy()).toBe("none")
  })

  test("if dates are doubted, checks the last row once, and the first row if it was not seen", () => {
    const reconciliation = start()
    expect(reconciliation.checkEnds()).toBeUndefined()
    reconciliation.doubtDates()
    const check = reconciliation.checkEnds()!
    expect(reconciliation.checkEnds()).toBeUndefined()
    const last = check.nextRequest()!
    expect(last.query).toMatchObject({ direction: "DESC", offset: 0, count: 1 })
    expect(last.query.since).toBeUndefined()
    check.receive(dated("x", OLD, 3), last)
    expect(check.isDone()).toBe(false)
    const first = check.nextRequest()!
    expect(first.query).toMatchObject({ direction: "ASC", offset: 0, count: 1 })
    check.receive(page("y", 3), first)
    expect(check.isDone()).toBe(true)
    expect(readingOf(reconciliation).nextRequest()?.query).toMatchObject({ direction: "ASC", offset: 0 })
  })

  test("reads the members without a date when the last row has none, although as many were delivered as are counted", () => {
    const reconciliation = start()
    deliver(reconciliation, "abc", OLD, 3)
    reconciliation.doubtDates()
    read(reconciliation.checkEnds()!, page("x", 3))
    expect(readingOf(reconciliation).nextRequest()?.query).toMatchObject({ direction: "DESC", offset: 0 })
  })

  test("reads the members without a date when the first page ends with one and more rows remain", () => {
    const reconciliation = start()
    reconciliation.add(page("abc", 9), selected(0, 3), true)
    expect(readingOf(reconciliation).nextRequest()?.query).toMatchObject({ direction: "DESC", offset: 0 })
  })

  test("reads nothing more when the first page ends with a member without a date and is the only page", () => {
    const reconciliation = start()
    reconciliation.add(page("abc", 3), selected(0, 3), true)
    expect(reconciliation.remedy()).toBeUndefined()
  })
})
