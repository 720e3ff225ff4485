import { describe, expect, test } from "bun:test"
import { splitMembers } from "../../../src/mailchimp/members/split-members.ts"
import type { PageRequest } from "../../../src/scan/reading.ts"
import type { Page } from "../../../src/scan/source.ts"
import { createWindowReading } from "../../../src/scan/window/window.ts"
import { memberOf, momentOf, type TestMember } from "../../support/members.ts"

/** When the test sends its requests, by Mailchimp's clock: second 990 is open, and 989 is the watermark. */
const NOW = 1000
const marginS = 10
const HORIZON = 500

function row(id: number, second: number, changes: Record<string, unknown> = {}): TestMember {
  return memberOf(id, { last_changed: new Date(second * 1000).toISOString(), ...changes })
}

function page(
  rows: readonly TestMember[],
  options: Partial<Pick<Page, "totalItems" | "count">> & { readonly requestedAt?: number } = {},
): Page {
  const { count = 3, totalItems = rows.length, requestedAt = NOW } = options
  const body = JSON.stringify({ members: rows, total_items: totalItems })
  return { ...splitMembers(Buffer.from(body), { count, offset: 0 }), count, sentAt: momentOf(requestedAt) }
}

function start(since = -Infinity, until?: number) {
  const from = { since }
  const versions = new Map()
  const reading = createWindowReading({ listId: "a", from, until, horizon: HORIZON, marginS, versions })
  let next: PageRequest | undefined
  const request = () => (next ??= reading.nextRequest())
  /** The rows that the reading delivers of the response to its next request. */
  const step = (response: Page) => {
    const { ranges } = reading.receive(response, request()!)
    next = undefined
    return ranges.flatMap(({ start, end }) =>
      Array.from({ length: end - start }, (_, index) =>
        Number.parseInt(response.id(start + index) ?? "", 16),
      ),
    )
  }
  return { reading, request, step }
}

describe("createWindowReading()", () => {
  test("sends one request for a list of less than a page, and has the watermark as its asOf", () => {
    const { reading, request, step } = start()
    expect(request()?.query).toEqual({
      listId: "a",
      status: undefined,
      since: undefined,
      before: undefined,
      sort: "last_changed",
      offset: 0,
    })
    expect(step(page([row(1, 100), row(2, 101)]))).toEqual([1, 2])
    expect(reading.isDone()).toBe(true)
    expect(request()).toBeUndefined()
    expect(reading.asOf()).toBe(989)
    expect(reading.lack()).toBeUndefined()
  })

  test("continues at the last date of a page whose last rows have none", () => {
    const { request, step } = start()
    const undated = memberOf(3, { last_changed: "" })
    expect(step(page([row(1, 100), row(2, 101), undated], { totalItems: 9 }))).toEqual([1, 2, 3])
    expect(request()?.query).toMatchObject({ since: 100, offset: 0 })
  })

  test("reads rows without a date that fill the first page by offset, and then rows with a date", () => {
    const { reading, request, step } = start()
    const undated = (...ids: number[]) => ids.map((id) => memberOf(id, { last_changed: "" }))
    step(page(undated(1, 2, 3), { totalItems: 5 }))
    expect(reading.tiedSecond()).toBeUndefined()
    expect(request()?.query).toMatchObject({ since: undefined, before: undefined, offset: 0 })
    step(page(undated(1, 2, 3), { totalItems: 5 }))
    expect(request()?.query).toMatchObject({ since: undefined, before: undefined, offset: 2 })
    expect(step(page([...undated(3, 4), row(5, 100)], { totalItems: 5 }))).toEqual([4])
    step(page(undated(1, 2, 3), { totalItems: 5 }))
    step(page([...undated(3, 4), row(5, 100)], { totalItems: 5 }))
    expect(request()?.query).toMatchObject({ since: 0, before: undefined, offset: 0 })
    expect(step(page([row(5, 100)]))).toEqual([5])
    expect(reading.isDone()).toBe(true)
    expect(reading.lack()).toBeUndefined()
  })

  test("does not report where it could be split before a page has shown that no rows without a date come first", () => {
    const { reading, step } = start()
    step(page([], { totalItems: 9 }))
    expect(reading.rest()).toBeUndefined()
    step(page([row(1, 100), row(2, 101), row(3, 102)], { totalItems: 9 }))
    expect(reading.rest()).toMatchObject({ rows: 6 })
  })

  test("is short if rows without a date arrive although only rows with a date were requested", () => {
    const { reading, step } = start(50)
    step(page([1, 2, 3].map((id) => memberOf(id, { last_changed: "" }))))
    expect(reading.isDone()).toBe(true)
    expect(reading.lack()).toBe("rules")
  })

  test("continues at the last second of a page, and drops the rows of it that were delivered", () => {
    const { request, step } = start(50)
    expect(request()?.query.since).toBe(50)
    step(page([row(1, 100), row(2, 101), row(3, 101)], { totalItems: 4 }))
    expect(request()?.query).toMatchObject({ since: 100, offset: 0 })
    expect(step(page([row(2, 101), row(3, 101), row(4, 101)]))).toEqual([4])
  })

  test("delivers an edited row again, although its id was delivered in the anchor's second", () => {
    const { step } = start()
    step(page([row(1, 100), row(2, 101), row(3, 101)], { totalItems: 4 }))
    expect(step(page([row(3, 101), row(2, 105)]))).toEqual([2])
  })

  test("trusts no open second: it continues at the last closed one, and repeats an open row only if it changed", () => {
    const { request, step } = start()
    step(page([row(1, 100), row(2, 989), row(3, 995)], { totalItems: 5 }))
    expect(request()?.query.since).toBe(988)
    const again = page([row(2, 989), row(3, 995, { note: "edited" }), row(4, 995)], { totalItems: 4 })
    expect(step(again)).toEqual([3, 4])
    expect(request()?.notBefore).toEqual({ second: 1006, maxS: 6 })
    expect(step(page([row(2, 989), row(3, 995), row(4, 995)], { totalItems: 4, requestedAt: 1006 }))).toEqual(
      [3],
    )
    expect(request()?.query.since).toBe(994)
  })

  test("gives up on open seconds that never settle, after six margins", () => {
    const { reading, request, step } = start(988)
    for (let seconds = 0; seconds <= 60; seconds += 6) {
      step(
        page([row(1, 991 + seconds), row(2, 995 + seconds)], {
          count: 2,
          totalItems: 9,
          requestedAt: 1000 + seconds,
        }),
      )
      expect(request()).toBeDefined()
    }
    step(page([row(1, 1057), row(2, 1061)], { count: 2, totalItems: 9, requestedAt: 1066 }))
    expect(request()).toBeUndefined()
    expect(reading.lack()).toBe("rules")
  })

  test("reads members dated ahead of both clocks by offset, without a wait, and then the rows before them", () => {
    const { reading, request, step } = start(988)
    const ahead = (...ids: number[]) => ids.map((id) => row(id, 1100))
    step(page([row(1, 995), ...ahead(7, 8)], { totalItems: 4 }))
    // The last second before them.
    expect(request()).toEqual({
      query: {
        listId: "a",
        status: undefined,
        since: 1099,
        before: undefined,
        sort: "last_changed",
        offset: 0,
      },
    })
    step(page(ahead(7, 8, 9), { totalItems: 4 }))
    step(page(ahead(9, 10), { totalItems: 4 }))
    step(page(ahead(7, 8, 9), { totalItems: 4 }))
    expect(request()?.query).toMatchObject({ since: 988, before: 1100, offset: 0 })
    // If the minute is over by then, members who changed after it are read in another one.
    step(page([row(1, 995)], { totalItems: 1, requestedAt: 2000 }))
    expect(request()?.query).toMatchObject({ since: 994, before: 2061, offset: 0 })
    step(page([row(1, 995), row(2, 1500)], { totalItems: 2, requestedAt: 2001 }))
    expect(reading.isDone()).toBe(true)
    expect([reading.lack(), reading.hasDatedAhead(), reading.asOf()]).toEqual([undefined, true, 1990])
  })

  test("ends if members dated ahead are followed by changes forever", () => {
    const { reading, request, step } = start(988)
    step(page([row(1, 995), row(2, 1100), row(3, 1100)], { totalItems: 3 }))
    step(page([row(2, 1100), row(3, 1100)], { totalItems: 2 }))
    for (let minute = 2; request(); minute += 1) {
      expect(minute).toBeLessThan(7)
      step(page([row(1, 900 + 100 * minute)], { totalItems: 1, requestedAt: 1000 + 100 * minute }))
    }
    expect(reading.lack()).toBe("rules")
  })

  test("waits no longer than six margins for open seconds, whatever the clock says", () => {
    const { reading, request, step } = start(400)
    // Our own clock is ten minutes slow, so no second of these rows is closed by both clocks.
    const rows = [row(1, 990), row(2, 995), row(3, 999)]
    const at = { earliest: 400, latest: 1000, elapsedS: 0, datedS: 0 }
    step({ ...page(rows, { totalItems: 9 }), sentAt: at })
    expect(request()?.notBefore).toEqual({ second: 1010, maxS: 60 })
    step({ ...page(rows, { totalItems: 9 }), sentAt: at })
    expect(request()).toBeUndefined()
    expect(reading.lack()).toBe("rules")
  })

  test("ends at the second page without a new row if the count is wrong", () => {
    const { reading, request, step } = start(99)
    step(page([row(1, 100)], { totalItems: 2 }))
    step(page([row(1, 100)], { totalItems: 2 }))
    expect(request()?.pauseS).toBe(1)
    step(page([row(1, 100)], { totalItems: 2 }))
    expect(request()).toBeUndefined()
    expect(reading.lack()).toBe("count")
  })

  test("gives up on members that change faster than they are read, so that no open second is ever reached", () => {
    const { reading, request, step } = start(99)
    let rows = 0
    // Four members take turns, and each page shows those that changed longest ago.
    for (let second = 100; request() && rows < 100; second += 2) {
      const oldest = [0, 1, 2].map((turn) => row((second + turn) % 4, second + turn))
      rows += step(page(oldest, { totalItems: 4, requestedAt: second + 100 })).length
    }
    // The first page has three new rows and every other page two: more than ten times the four members.
    expect(rows).toBe(41)
    expect(reading.isDone()).toBe(true)
    expect(reading.lack()).toBe("rules")
  })

  test("follows open seconds through slow responses, if these are few", () => {
    const { reading, request, step } = start(988)
    step(page([row(1, 991), row(2, 995)], { count: 2, totalItems: 3, requestedAt: 1000 }))
    step(page([row(2, 995), row(3, 1110)], { count: 2, totalItems: 3, requestedAt: 1120 }))
    step(page([row(3, 1110), row(4, 1230)], { count: 2, totalItems: 2, requestedAt: 1240 }))
    expect(request()).toBeDefined()
    step(page([row(4, 1230)], { count: 2, totalItems: 1, requestedAt: 1250 }))
    expect(request()).toBeUndefined()
    expect(reading.lack()).toBeUndefined()
  })

  test("does not take a short page for the end while more rows are counted", () => {
    const { request, step } = start()
    step(page([row(1, 100), row(2, 101)], { totalItems: 3 }))
    expect(request()?.query.since).toBe(100)
    expect(step(page([row(2, 101), row(3, 102)]))).toEqual([3])
    expect(request()).toBeUndefined()
  })

  test("repeats the request three times, after growing pauses, for rows that are counted and do not arrive", () => {
    const { reading, request, step } = start()
    const pauses = []
    for (let response = 0; response < 4; response += 1) {
      step(page([], { totalItems: 3 + response }))
      pauses.push(request()?.pauseS)
    }
    expect(pauses).toEqual([1, 2, 4, undefined])
    expect(reading.lack()).toBe("count")
  })

  test("reads a closed second that fills a page by offset, and then continues after it", () => {
    const { reading, request, step } = start(99)
    expect(step(page([row(1, 100), row(2, 100), row(3, 100)], { totalItems: 6 }))).toEqual([1, 2, 3])
    expect(request()?.query).toMatchObject({ since: 99, before: 100, offset: 0, count: 1 })
    expect(step(page([row(1, 100)], { totalItems: 4 }))).toEqual([])
    expect(request()?.query).toMatchObject({ since: 99, before: 100, offset: 0 })
    expect(step(page([row(1, 100), row(2, 100), row(3, 100)], { totalItems: 4 }))).toEqual([])
    expect(request()?.query).toMatchObject({ since: 99, before: 100, offset: 2 })
    expect(step(page([row(3, 100), row(4, 100)], { totalItems: 4 }))).toEqual([4])
    expect(request()?.query).toMatchObject({ since: 100, before: undefined, offset: 0 })
    expect(step(page([row(5, 300)]))).toEqual([5])
    expect(request()).toBeUndefined()
    expect(reading.lack()).toBeUndefined()
  })

  test("requests one second more than its last one, and drops later rows, so that no rule about bounds matters", () => {
    const { reading, request, step } = start(50, 101)
    expect(request()?.query).toMatchObject({ since: 50, before: 102 })
    expect(step(page([row(1, 100), row(2, 101), row(3, 102)], { totalItems: 4 }))).toEqual([1, 2])
    expect(reading.isDone()).toBe(true)
    expect(reading.lack()).toBeUndefined()
  })

  test("reports a response that begins at its own since, and no other response", () => {
    const { reading, step } = start(99)
    step(page([row(1, 100), row(2, 102), row(3, 103)], { totalItems: 4 }))
    expect(reading.hasOddSince()).toBe(false)
    expect(step(page([row(2, 102), row(3, 103), row(4, 104)], { totalItems: 4 }))).toEqual([2, 4])
    expect(reading.hasOddSince()).toBe(true)
  })

  test("reads the second after a tied one even if since is inclusive and that second is the last", () => {
    const { reading, request, step } = start(100, 105)
    reading.split(101)
    step(page([row(1, 100), row(2, 100), row(3, 100)], { totalItems: 5 }))
    step(page([row(1, 100), row(2, 100), row(3, 100)], { totalItems: 3 }))
    expect(step(page([row(1, 100), row(2, 100), row(3, 100)], { totalItems: 3 }))).toEqual([])
    expect(request()?.query.since).toBe(101)
    expect(step(page([row(4, 101), row(5, 101)]))).toEqual([4, 5])
    expect(reading.isDone()).toBe(true)
  })

  test("has the watermark of its first page as its asOf if that shows no date and all is read by offset", () => {
    const { reading, step } = start()
    const undated = [1, 2, 3].map((id) => memberOf(id, { last_changed: "" }))
    step(page(undated, { totalItems: 4, requestedAt: 1000 }))
    step(page(undated, { totalItems: 4, requestedAt: 1100 }))
    expect(reading.asOf()).toBe(989)
  })

  test("ends short if since is ignored, because every page would be the first page", () => {
    const { reading, step } = start(99)
    step(page([row(1, 60), row(2, 61), row(3, 62)], { totalItems: 9 }))
    expect(reading.isDone()).toBe(true)
    expect(reading.lack()).toBe("rules")
  })

  test("reports the second that it reads by offset, after which it can be split", () => {
    const { reading, request, step } = start(99)
    step(page([row(1, 100), row(2, 100), row(3, 100)], { totalItems: 6 }))
    expect(reading.tiedSecond()).toBe(100)
    expect(reading.rest()).toBeUndefined()
    reading.split(100)
    step(page([], { totalItems: 0 }))
    step(page([row(4, 300)], { totalItems: 1 }))
    expect(request()).toBeUndefined()
    expect(reading.isDone()).toBe(true)
    expect(reading.tiedSecond()).toBeUndefined()
  })

  test("reads a window of one second by offset at once, and counts it first", () => {
    const { reading, request, step } = start(100, 101)
    const query = { since: 100, before: 101, offset: 0 }
    expect(reading.tiedSecond()).toBe(101)
    expect(request()?.query).toMatchObject({ ...query, count: 1 })
    expect(step(page([row(1, 101)], { count: 1, totalItems: 2 }))).toEqual([1])
    expect(request()?.query).toMatchObject(query)
    expect(request()?.query.count).toBeUndefined()
    expect(step(page([row(1, 101), row(2, 101)]))).toEqual([2])
    expect(reading.isDone()).toBe(true)
    expect(reading.lack()).toBeUndefined()
  })

  test("reads the only second of a window by its anchor if that is inclusive, because the offset reading read the one before", () => {
    const { reading, request, step } = start(100, 101)
    expect(step(page([row(1, 100)], { count: 1, totalItems: 1 }))).toEqual([1])
    expect(step(page([row(1, 100)]))).toEqual([])
    expect(reading.hasOddSince()).toBe(true)
    expect(request()?.query).toMatchObject({ since: 101, before: 102, offset: 0 })
    expect(step(page([row(2, 101)]))).toEqual([2])
    expect(reading.isDone()).toBe(true)
  })

  test("reads a window of one second after the horizon by its anchor, because it may be open", () => {
    const { reading, request, step } = start(HORIZON, HORIZON + 1)
    expect(reading.tiedSecond()).toBeUndefined()
    expect(request()?.query).toMatchObject({ since: HORIZON, before: HORIZON + 2, offset: 0 })
    expect(request()?.query.count).toBeUndefined()
    expect(step(page([row(1, HORIZON + 1)]))).toEqual([1])
    expect(reading.isDone()).toBe(true)
  })
})
