import { describe, expect, test } from "bun:test"
import { type OffsetReading, createOffsetReading } from "../../src/scan/offset-reading.ts"
import type { PageRequest } from "../../src/scan/reading.ts"
import type { Page } from "../../src/scan/source.ts"
import { momentOf, pageOfIds } from "../support/members.ts"

const query = { listId: "a", since: 99, before: 100, sort: "last_changed" } as const

function page(ids: readonly string[], totalItems: number, count = 4): Page {
  return {
    ...pageOfIds(ids),
    second: () => 100,
    fingerprint: (index) => ids[index]!,
    totalItems,
    count,
    sentAt: momentOf(1000),
  }
}

function start(delivered: readonly string[] = []) {
  const second = createOffsetReading(query, "second", new Map(delivered.map((id) => [id, id])), new Map())
  /** Takes the next question, which has to be for this offset. */
  const ask = (offset: number) => {
    const request = second.nextRequest()
    expect(request?.query).toEqual({ ...query, offset })
    return request!
  }
  const response = (request: PageRequest, ids: string, totalItems: number) => {
    const { ranges } = second.receive(page([...ids], totalItems), request)
    return ranges.map(({ start, end }) => ids.slice(start, end)).join("")
  }
  return {
    second,
    ask,
    response,
    read: (offset: number, ids: string, total: number) => response(ask(offset), ids, total),
  }
}

describe("createOffsetReading()", () => {
  test("is complete when all that is counted was seen after it was counted", () => {
    const { second, read } = start(["a", "b"])
    expect(read(0, "abcd", 6)).toBe("cd")
    expect(read(3, "def", 6)).toBe("ef")
    expect(read(0, "abcd", 6)).toBe("")
    expect(second.isDone()).toBe(true)
    expect(second.lack()).toBeUndefined()
  })

  test("asks for all its pages side by side, once it is known how many there are", () => {
    const { second, ask, response, read } = start()
    const first = ask(0)
    expect(second.nextRequest()).toBeUndefined()
    response(first, "abcd", 9)
    const [middle, last] = [ask(3), ask(6)]
    expect(second.nextRequest()).toBeUndefined()
    expect(response(last, "ghi", 9)).toBe("ghi")
    expect(response(middle, "defg", 9)).toBe("ef")
    // After the first answer six were shown, and the other three are still to be.
    read(0, "abcd", 9)
    expect(second.isDone()).toBe(true)
    expect(second.lack()).toBeUndefined()
  })

  test("does not count what was asked for before the total was known, though it arrives later", () => {
    const { second, ask, response, read } = start()
    response(ask(0), "abcd", 9)
    const [middle, last] = [ask(3), ask(6)]
    // The last page was made before a to e and g left, the middle one after that: f, h and i are the three of its total.
    response(middle, "", 3)
    response(last, "ghi", 9)
    expect(second.isDone()).toBe(false)
    expect(read(0, "fhi", 3)).toBe("f")
    expect(second.isDone()).toBe(true)
    expect(second.lack()).toBeUndefined()
  })

  test("waits for the answers under way when it is complete, and delivers what they bring", () => {
    const { second, ask, response } = start()
    response(ask(0), "abcd", 9)
    const [middle, last] = [ask(3), ask(6)]
    response(middle, "", 0)
    expect(second.nextRequest()).toBeUndefined()
    expect(second.isDone()).toBe(false)
    expect(response(last, "ghi", 9)).toBe("ghi")
    expect(second.isDone()).toBe(true)
  })

  /** Read as in a window: counted first. */
  const startCounted = (total: number) => {
    const second = createOffsetReading(query, "second", new Map(), new Map(), { pageRows: 4 })
    const request = second.nextRequest()!
    expect(request.query).toEqual({ ...query, offset: 0, count: 1 })
    expect(second.nextRequest()).toBeUndefined()
    second.receive(page(["a"], total, 1), request)
    return second
  }
  const requestsOf = (second: OffsetReading, count: number) =>
    Array.from({ length: count }, () => second.nextRequest()!)

  test("asks for all its pages side by side once it is counted, and is complete when they show as many", () => {
    const second = startCounted(9)
    const requests = requestsOf(second, 3)
    expect(requests.map(({ query }) => query)).toEqual([0, 3, 6].map((offset) => ({ ...query, offset })))
    expect(second.nextRequest()).toBeUndefined()
    // In another order with each answer.
    const pages = ["abcd", "ifhe", "gb"]
    for (const [index, request] of requests.entries()) {
      expect(second.isDone()).toBe(false)
      second.receive(page([...pages[index]!], 9), request)
    }
    expect(second.isDone()).toBe(true)
    expect(second.lack()).toBeUndefined()
  })

  test("is not complete where a row left after it was shown, and before its answer was counted, and another one moved", () => {
    const second = startCounted(9)
    const requests = requestsOf(second, 3)
    // Once a has been shown it leaves, and h moves from behind the middle page to before it.
    for (const [index, ids] of ["abcd", "defg", "gi"].entries())
      second.receive(page([...ids], 8), requests[index]!)
    expect(second.isDone()).toBe(false)
    const [first, last] = requestsOf(second, 2)
    second.receive(page([..."bhcd"], 8), first!)
    second.receive(page([..."defg"], 8), last!)
    expect(second.isDone()).toBe(true)
    expect(second.lack()).toBeUndefined()
  })

  test("is complete when one page holds all, whatever was counted before", () => {
    const second = startCounted(9)
    second.receive(page([..."abc"], 3), second.nextRequest()!)
    expect(second.isDone()).toBe(true)
    expect(second.lack()).toBeUndefined()
  })

  test("is not complete when a page behind the first one has as many rows as were left to count", () => {
    const second = startCounted(9)
    const [first, middle, last] = requestsOf(second, 3)
    second.receive(page([..."abcd"], 9), first!)
    // Three have left before it, so that e and f are in a gap, and three more before it is counted.
    second.receive(page([..."ghi"], 3), middle!)
    second.receive(page([], 3), last!)
    expect(second.isDone()).toBe(false)
  })

  const hundred = Array.from({ length: 100 }, (_, index) => `m${index}`)
  /** Reads in pages of 40, of which each gets those who are there then. */
  const readLarge = (...pages: readonly (readonly string[])[]) => {
    const second = createOffsetReading(query, "second", new Map(), new Map())
    for (const there of pages) {
      const request = second.nextRequest()!
      const { offset } = request.query
      second.receive(page(there.slice(offset, offset + 40), there.length, 40), request)
    }
    return second
  }

  test("is complete after two readings in one order, though rows leave all the while, and unseen", () => {
    // m99 is counted by the first reading, and not there any more in the second.
    const first = [hundred, hundred.slice(3), hundred.slice(5)]
    const later = [5, 6, 7].map((start) => hundred.slice(start, 99))
    expect(readLarge(...first).isDone()).toBe(false)
    const second = readLarge(...first, ...later)
    expect(second.isDone()).toBe(true)
    expect(second.lack()).toBeUndefined()
  })

  test("is not complete after two readings in different orders, with a gap, or short of their count", () => {
    const first = [hundred, hundred.slice(3), hundred.slice(5)]
    const swapped = ["m6", "m5", ...hundred.slice(7, 99)]
    expect(readLarge(...first, swapped, swapped.slice(1), swapped.slice(2)).isDone()).toBe(false)
    const [gap, unseen] = [hundred.slice(5, 99), hundred.slice(45, 99)]
    expect(readLarge(...first, gap, unseen).isDone()).toBe(false)
    const lost = hundred.slice(5, 99).filter((id) => id !== "m60")
    expect(readLarge(...first, hundred.slice(5, 99), lost, lost).isDone()).toBe(false)
  })

  test("reads on behind a gap that leavers opened, and finds what is in it with the next reading", () => {
    const { second, read } = start()
    read(0, "abcd", 9)
    // Before this one a, b and c have left: e and f are in the gap.
    expect(read(3, "ghi", 6)).toBe("ghi")
    expect(read(0, "defg", 6)).toBe("ef")
    expect(read(3, "ghi", 6)).toBe("")
    expect(second.isDone()).toBe(true)
    expect(second.lack()).toBeUndefined()
  })

  test("is complete whoever left after he was shown, as all that an answer counts was shown after it", () => {
    const { second, read } = start()
    read(0, "abcd", 7)
    read(3, "defg", 7)
    read(0, "abcd", 5)
    expect(second.isDone()).toBe(true)
    expect(second.lack()).toBeUndefined()
  })

  test("counts from a later answer when a row left that was not shown again", () => {
    const { second, read } = start()
    read(0, "abcd", 6)
    read(3, "def", 6)
    read(0, "abde", 5)
    read(3, "ef", 5)
    expect(second.isDone()).toBe(false)
    read(0, "abde", 5)
    expect(second.isDone()).toBe(true)
    expect(second.lack()).toBeUndefined()
  })

  test("asks again for the rest of a page that came shorter than its count", () => {
    const { second, read, ask, response } = start()
    read(0, "abcd", 9)
    const [middle, last] = [ask(3), ask(6)]
    response(middle, "de", 9)
    expect(response(ask(5), "fg", 9)).toBe("fg")
    expect(response(last, "ghi", 9)).toBe("hi")
    expect(second.isDone()).toBe(false)
  })

  /** The question for whether it is gone: without an end. */
  const askForLater = (second: OffsetReading) => {
    const request = second.nextRequest()
    expect(request?.query).toEqual({ ...query, before: undefined, offset: 0, count: 1 })
    return request!
  }

  test("is complete when nothing is left of it", () => {
    const { second, read } = start(["a"])
    read(0, "", 0)
    second.receive({ ...page(["x"], 1), second: () => 101 }, askForLater(second))
    expect(second.isDone()).toBe(true)
    expect(second.lack()).toBeUndefined()
  })

  test("is complete where the first row with a date shows that there are no more without one", () => {
    const all = { listId: "a", sort: "last_changed", direction: "DESC" } as const
    const second = createOffsetReading(all, "undated", new Map(), new Map())
    const request = second.nextRequest()!
    const response = { ...page([..."abcd"], 9), second: (index: number) => (index < 3 ? undefined : 100) }
    expect(second.receive(response, request).ranges).toEqual([{ start: 0, end: 3 }])
    expect(second.isDone()).toBe(true)
    expect(second.lack()).toBeUndefined()
  })

  test("is read again where rows without a date fill a page, as one may have left between two", () => {
    const all = { listId: "a", sort: "last_changed", direction: "DESC" } as const
    const second = createOffsetReading(all, "undated", new Map(), new Map())
    const response = (undated: string, dated: string) =>
      second.receive(
        {
          ...page([...undated, ...dated], 9),
          second: (index) => (index < undated.length ? undefined : 100),
        },
        second.nextRequest()!,
      )
    response("abcd", "")
    response("de", "xy")
    expect(second.isDone()).toBe(false)
    response("abcd", "")
    response("de", "xy")
    expect(second.isDone()).toBe(true)
    expect(second.lack()).toBeUndefined()
  })

  test("is short when it is gone for a question up to it, and there for one without an end", () => {
    const { second, read } = start(["a"])
    read(0, "", 0)
    second.receive(page([], 5), askForLater(second))
    const again = askForLater(second)
    expect(again.pauseS).toBe(1)
    second.receive(page(["a"], 5), again)
    expect(second.isDone()).toBe(true)
    expect(second.lack()).toBe("rules")
  })

  test("is short, and delivers no row of another second, where the end of the question is not heeded", () => {
    const { second, ask } = start()
    const seconds = [100, 100, 101, 102]
    const { ranges } = second.receive({ ...page([..."abcd"], 9), second: (index) => seconds[index] }, ask(0))
    expect(ranges).toEqual([{ start: 0, end: 2 }])
    expect(second.isDone()).toBe(true)
    expect(second.lack()).toBe("rules")
  })

  test("ends short when three readings bring nothing new and the count still says more", () => {
    const { second, response } = start()
    let requests = 0
    for (let request = second.nextRequest(); request && requests < 50; request = second.nextRequest()) {
      response(request, request.query.offset === 0 ? "abcd" : "de", 6)
      requests += 1
    }
    // Five readings of three questions each: in the second one the rows of the first are counted too, three are in vain.
    expect(requests).toBe(15)
    expect(second.lack()).toBe("count")
  })

  test("ends short after twenty questions for each of its pages while its count never rests", () => {
    const { second, response } = start()
    let requests = 0
    for (let request = second.nextRequest(); request && requests < 500; request = second.nextRequest()) {
      response(request, request.query.offset === 0 ? "abcd" : "de", 6 + (requests % 2))
      requests += 1
    }
    // Three rows of a page are not of the one before, so six or seven rows are two pages or three.
    expect(requests).toBeGreaterThan(20)
    expect(requests).toBeLessThanOrEqual(63)
    expect(second.lack()).toBe("count")
  })

  test("ends short when an answer stays shorter than its count", () => {
    const { second, response } = start()
    const pauses = []
    for (let request = second.nextRequest(); request && pauses.length < 50; request = second.nextRequest()) {
      pauses.push(request.pauseS)
      response(request, "", 6)
    }
    expect(pauses).toEqual([undefined, 1, 2, 4])
    expect(second.lack()).toBe("count")
  })
})
