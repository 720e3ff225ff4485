import { describe, expect, test } from "bun:test"
import { type OffsetReading, createOffsetReading } from "../../../src/scan/offset-reading/offset-reading.ts"
import type { PageRequest } from "../../../src/scan/reading.ts"
import type { Page } from "../../../src/scan/source.ts"
import { momentOf, pageOfIds } from "../../support/members.ts"

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
  const second = createOffsetReading(query, "tied", new Map(delivered.map((id) => [id, id])), new Map())
  /** Takes the next request, which has to be for this offset. */
  const requestAt = (offset: number) => {
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
    requestAt,
    response,
    read: (offset: number, ids: string, total: number) => response(requestAt(offset), ids, total),
  }
}

describe("createOffsetReading()", () => {
  test("is complete when all counted rows were seen after they were counted", () => {
    const { second, read } = start(["a", "b"])
    expect(read(0, "abcd", 6)).toBe("cd")
    expect(read(3, "def", 6)).toBe("ef")
    expect(read(0, "abcd", 6)).toBe("")
    expect(second.isDone()).toBe(true)
    expect(second.lack()).toBeUndefined()
  })

  test("requests all its pages concurrently once their number is known", () => {
    const { second, requestAt, response, read } = start()
    const first = requestAt(0)
    expect(second.nextRequest()).toBeUndefined()
    response(first, "abcd", 9)
    const [middle, last] = [requestAt(3), requestAt(6)]
    expect(second.nextRequest()).toBeUndefined()
    expect(response(last, "ghi", 9)).toBe("ghi")
    expect(response(middle, "defg", 9)).toBe("ef")
    // After the first response six rows were shown; three remain.
    read(0, "abcd", 9)
    expect(second.isDone()).toBe(true)
    expect(second.lack()).toBeUndefined()
  })

  test("does not count rows that were requested before the total was known, although they arrive later", () => {
    const { second, requestAt, response, read } = start()
    response(requestAt(0), "abcd", 9)
    const [middle, last] = [requestAt(3), requestAt(6)]
    // The last page was evaluated before a to e and g left, the middle page after that: its total of three is f, h and i.
    response(middle, "", 3)
    response(last, "ghi", 9)
    expect(second.isDone()).toBe(false)
    expect(read(0, "fhi", 3)).toBe("f")
    expect(second.isDone()).toBe(true)
    expect(second.lack()).toBeUndefined()
  })

  test("waits for pending responses when it is complete, and delivers their rows", () => {
    const { second, requestAt, response } = start()
    response(requestAt(0), "abcd", 9)
    const [middle, last] = [requestAt(3), requestAt(6)]
    response(middle, "", 0)
    expect(second.nextRequest()).toBeUndefined()
    expect(second.isDone()).toBe(false)
    expect(response(last, "ghi", 9)).toBe("ghi")
    expect(second.isDone()).toBe(true)
  })

  /** A reading as in a window: the second is counted first. */
  const startCounted = (total: number) => {
    const second = createOffsetReading(query, "tied", new Map(), new Map(), { pageRows: 4 })
    const request = second.nextRequest()!
    expect(request.query).toEqual({ ...query, offset: 0, count: 1 })
    expect(second.nextRequest()).toBeUndefined()
    second.receive(page(["a"], total, 1), request)
    return second
  }
  const requestsOf = (second: OffsetReading, count: number) =>
    Array.from({ length: count }, () => second.nextRequest()!)

  test("requests all its pages concurrently once it is counted, and is complete when they show as many rows", () => {
    const second = startCounted(9)
    const requests = requestsOf(second, 3)
    expect(requests.map(({ query }) => query)).toEqual([0, 3, 6].map((offset) => ({ ...query, offset })))
    expect(second.nextRequest()).toBeUndefined()
    // Each response has another order.
    const pages = ["abcd", "ifhe", "gb"]
    for (const [index, request] of requests.entries()) {
      expect(second.isDone()).toBe(false)
      second.receive(page([...pages[index]!], 9), request)
    }
    expect(second.isDone()).toBe(true)
    expect(second.lack()).toBeUndefined()
  })

  test("is not complete if a row left after it was shown and before its response was counted, and another row moved", () => {
    const second = startCounted(9)
    const requests = requestsOf(second, 3)
    // After a was shown it leaves, and h moves from after the middle page to before it.
    for (const [index, ids] of ["abcd", "defg", "gi"].entries())
      second.receive(page([...ids], 8), requests[index]!)
    expect(second.isDone()).toBe(false)
    const [first, last] = requestsOf(second, 2)
    second.receive(page([..."bhcd"], 8), first!)
    second.receive(page([..."defg"], 8), last!)
    expect(second.isDone()).toBe(true)
    expect(second.lack()).toBeUndefined()
  })

  test("is complete when one page has all rows, whatever was counted before", () => {
    const second = startCounted(9)
    second.receive(page([..."abc"], 3), second.nextRequest()!)
    expect(second.isDone()).toBe(true)
    expect(second.lack()).toBeUndefined()
  })

  test("is not complete when a page after the first has as many rows as remained to be counted", () => {
    const second = startCounted(9)
    const [first, middle, last] = requestsOf(second, 3)
    second.receive(page([..."abcd"], 9), first!)
    // Three rows left before this page, so e and f are in a gap; three more left before it was counted.
    second.receive(page([..."ghi"], 3), middle!)
    second.receive(page([], 3), last!)
    expect(second.isDone()).toBe(false)
  })

  const hundred = Array.from({ length: 100 }, (_, index) => `m${index}`)
  /** Reads in pages of 40. Each page is taken from the rows that exist at that time. */
  const readLarge = (...pages: readonly (readonly string[])[]) => {
    const second = createOffsetReading(query, "tied", new Map(), new Map())
    for (const there of pages) {
      const request = second.nextRequest()!
      const { offset } = request.query
      second.receive(page(there.slice(offset, offset + 40), there.length, 40), request)
    }
    return second
  }

  test("is complete after two passes in one order, although rows keep leaving, some of them unseen", () => {
    // The first pass counts m99, which has left before the second.
    const first = [hundred, hundred.slice(3), hundred.slice(5)]
    const later = [5, 6, 7].map((start) => hundred.slice(start, 99))
    expect(readLarge(...first).isDone()).toBe(false)
    const second = readLarge(...first, ...later)
    expect(second.isDone()).toBe(true)
    expect(second.lack()).toBeUndefined()
  })

  test("is not complete after two passes in different orders, with a gap, or with fewer rows than counted", () => {
    const first = [hundred, hundred.slice(3), hundred.slice(5)]
    const swapped = ["m6", "m5", ...hundred.slice(7, 99)]
    expect(readLarge(...first, swapped, swapped.slice(1), swapped.slice(2)).isDone()).toBe(false)
    const [gap, unseen] = [hundred.slice(5, 99), hundred.slice(45, 99)]
    expect(readLarge(...first, gap, unseen).isDone()).toBe(false)
    const lost = hundred.slice(5, 99).filter((id) => id !== "m60")
    expect(readLarge(...first, hundred.slice(5, 99), lost, lost).isDone()).toBe(false)
  })

  test("continues after a gap opened by rows that left, and finds the rows in it with the next pass", () => {
    const { second, read } = start()
    read(0, "abcd", 9)
    // Before this page a, b and c left: e and f are in the gap.
    expect(read(3, "ghi", 6)).toBe("ghi")
    expect(read(0, "defg", 6)).toBe("ef")
    expect(read(3, "ghi", 6)).toBe("")
    expect(second.isDone()).toBe(true)
    expect(second.lack()).toBeUndefined()
  })

  test("is complete although rows left after they were shown, if all rows that a response counts were shown after it", () => {
    const { second, read } = start()
    read(0, "abcd", 7)
    read(3, "defg", 7)
    read(0, "abcd", 5)
    expect(second.isDone()).toBe(true)
    expect(second.lack()).toBeUndefined()
  })

  test("counts from a later response when a row left that was not shown again", () => {
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

  test("requests the rest of a page that was shorter than its count", () => {
    const { second, read, requestAt, response } = start()
    read(0, "abcd", 9)
    const [middle, last] = [requestAt(3), requestAt(6)]
    response(middle, "de", 9)
    expect(response(requestAt(5), "fg", 9)).toBe("fg")
    expect(response(last, "ghi", 9)).toBe("hi")
    expect(second.isDone()).toBe(false)
  })

  /** The request that checks whether the second is gone: without an upper bound. */
  const requestUnbounded = (second: OffsetReading) => {
    const request = second.nextRequest()
    expect(request?.query).toEqual({ ...query, before: undefined, offset: 0, count: 1 })
    return request!
  }

  test("is complete when nothing is left of it", () => {
    const { second, read } = start(["a"])
    read(0, "", 0)
    second.receive({ ...page(["x"], 1), second: () => 101 }, requestUnbounded(second))
    expect(second.isDone()).toBe(true)
    expect(second.lack()).toBeUndefined()
  })

  test("is complete if the first row with a date shows that there are no more without one", () => {
    const all = { listId: "a", sort: "last_changed", direction: "DESC" } as const
    const second = createOffsetReading(all, "undated", new Map(), new Map())
    const request = second.nextRequest()!
    const response = { ...page([..."abcd"], 9), second: (index: number) => (index < 3 ? undefined : 100) }
    expect(second.receive(response, request).ranges).toEqual([{ start: 0, end: 3 }])
    expect(second.isDone()).toBe(true)
    expect(second.lack()).toBeUndefined()
  })

  test("is read again if rows without a date fill a page, because one may have left between two pages", () => {
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

  test("is short when a request with an upper bound does not find it, but one without does", () => {
    const { second, read } = start(["a"])
    read(0, "", 0)
    second.receive(page([], 5), requestUnbounded(second))
    const again = requestUnbounded(second)
    expect(again.pauseS).toBe(1)
    second.receive(page(["a"], 5), again)
    expect(second.isDone()).toBe(true)
    expect(second.lack()).toBe("rules")
  })

  test("is short, and delivers no row of another second, if the upper bound of the request is ignored", () => {
    const { second, requestAt } = start()
    const seconds = [100, 100, 101, 102]
    const { ranges } = second.receive(
      { ...page([..."abcd"], 9), second: (index) => seconds[index] },
      requestAt(0),
    )
    expect(ranges).toEqual([{ start: 0, end: 2 }])
    expect(second.isDone()).toBe(true)
    expect(second.lack()).toBe("rules")
  })

  test("ends short when three passes bring no new row and the count is still higher", () => {
    const { second, response } = start()
    let requests = 0
    for (let request = second.nextRequest(); request && requests < 50; request = second.nextRequest()) {
      response(request, request.query.offset === 0 ? "abcd" : "de", 6)
      requests += 1
    }
    // Five passes of three requests each: in the second the rows of the first are counted too, and three are in vain.
    expect(requests).toBe(15)
    expect(second.lack()).toBe("count")
  })

  test("ends short after twenty requests for each of its pages while its count never settles", () => {
    const { second, response } = start()
    let requests = 0
    for (let request = second.nextRequest(); request && requests < 500; request = second.nextRequest()) {
      response(request, request.query.offset === 0 ? "abcd" : "de", 6 + (requests % 2))
      requests += 1
    }
    // Three rows of a page are not on the previous page, so six or seven rows are two or three pages.
    expect(requests).toBeGreaterThan(20)
    expect(requests).toBeLessThanOrEqual(63)
    expect(second.lack()).toBe("count")
  })

  test("ends short when a response stays shorter than its count", () => {
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
