import { describe, expect, test } from "bun:test"
import { AppError } from "../../src/errors.ts"
import { countRows } from "../../src/scan/deduplicate.ts"
import { planExport } from "../../src/exports/plan.ts"
import { createScan } from "../../src/scan/scan.ts"
import type { MembersQuery, Page } from "../../src/scan/source.ts"
import { createTestSource, memberOf, membersOf } from "../support/members.ts"

const isProbe = ({ count, offset }: MembersQuery) => count === 1 && offset > 0

/** How many rows of a list of ten pages are delivered if probes get this response. */
async function exportWith(respondToProbe: (response: () => Page) => Page | Promise<Page>): Promise<number> {
  let isProbed = false
  const source = createTestSource(
    { a: membersOf(100) },
    {
      pageSize: 10,
      response: (query, _signal, response) => {
        if (!isProbe(query)) return response()
        isProbed = true
        return respondToProbe(response)
      },
    },
  )
  const scan = createScan(
    { ...planExport(["a"], {}, 1_999_999_980), marginS: 10 },
    { ...source, spare: () => (isProbed ? 0 : 1) },
    new AbortController().signal,
  )
  let rows = 0
  for await (const item of scan.pages()) if ("ranges" in item) rows += countRows(item.ranges)
  expect(isProbed).toBe(true)
  return rows
}

/** A source of a list of ten pages with correct statistics, which allows ten concurrent requests. */
function createExpectingSource(
  response: (query: MembersQuery, response: () => Page) => Page | Promise<Page>,
) {
  let running = 0
  const source = createTestSource(
    { a: membersOf(100) },
    { pageSize: 10, response: (query, _signal, page) => response(query, page) },
  )
  return {
    ...source,
    spare: () => 10 - running,
    expected: ({ since, before }: MembersQuery) =>
      since === undefined && before === undefined ? { rows: 100, pageRows: 10 } : undefined,
    read: async (query: MembersQuery, signal: AbortSignal) => {
      running += 1
      try {
        return await source.read(query, signal)
      } finally {
        running -= 1
      }
    },
  }
}

/** Whether the query is for a row that is requested concurrently with the first page. */
const isEarly = (query: MembersQuery) => isProbe(query) && query.since === undefined

describe("createScan()", () => {
  test("continues without a split if the probe for it fails", async () => {
    const fail = () => {
      throw new AppError("mailchimp_timeout", "Cannot read the members in time")
    }
    expect(await exportWith(fail)).toBe(100)
  })

  test("fails if a probe is refused permanently, because other requests will be refused too", async () => {
    const refuse = () => {
      throw new AppError("connection_invalidated", "Cannot read the members because the token was revoked")
    }
    await expect(exportWith(refuse)).rejects.toThrow("revoked")
  })

  test("does not increase its concurrency however often it is aborted and resumed, although every second is tied", async () => {
    const members = membersOf(60).map((member, index) => ({
      ...member,
      last_changed: memberOf(Math.floor(index / 3)).last_changed,
    }))
    const source = createTestSource({ a: members }, { pageSize: 2 })
    const plan = planExport(["a"], {}, 1_999_999_980)
    let { lists } = plan
    for (let breaks = 0; breaks < 15; breaks += 1) {
      const scan = createScan({ ...plan, lists, marginS: 10 }, source, new AbortController().signal)
      const pages = scan.pages()
      for (let count = 0; count < 4; count += 1) await pages.next()
      await pages.return(undefined)
      lists = scan.positions()
      expect(lists[0]!.live.windows.length).toBeLessThanOrEqual(2)
    }
  })

  test("reads the other lists if one fails alone, and fails if all fail", async () => {
    const lists = { a: membersOf(30), b: membersOf(30), c: membersOf(30) }
    const refusal = new AppError("mailchimp_forbidden", "Cannot read the members")
    const exportBut = async (...broken: string[]) => {
      const source = createTestSource(lists, {
        pageSize: 10,
        response: ({ listId, since }, _signal, response) => {
          if (broken.includes(listId) && since !== undefined) throw refusal
          return response()
        },
      })
      const plan = planExport(["a", "b", "c"], {}, 1_999_999_980)
      const judgeError = async () => "list_failed" as const
      const scan = createScan({ ...plan, marginS: 10, judgeError }, source, new AbortController().signal)
      const rows: Record<string, number> = {}
      const notices: string[] = []
      for await (const item of scan.pages()) {
        if ("notice" in item) notices.push(`${item.listId} ${item.notice}`)
        else rows[item.listId] = (rows[item.listId] ?? 0) + countRows(item.ranges)
      }
      return { rows, notices, next: scan.nextPositions() }
    }
    const { rows, notices, next } = await exportBut("b")
    expect([rows, notices]).toEqual([{ a: 30, b: 10, c: 30 }, ["b list_failed"]])
    expect(next.map(({ isUnread }) => isUnread)).toEqual([undefined, true, undefined])
    await expect(exportBut("a", "b", "c")).rejects.toBe(refusal)
  })

  test("attributes a retryable failure to a list only if Mailchimp responds for another list", async () => {
    const failure = new AppError("mailchimp_error", "Cannot read the members because Mailchimp failed")
    const exportWhile = (hasOtherResponded: boolean) => {
      const source = createTestSource(
        { a: membersOf(30), b: membersOf(30) },
        {
          pageSize: 10,
          response: ({ listId, since }, _signal, response) => {
            if (since !== undefined && (listId === "b" || !hasOtherResponded)) throw failure
            return response()
          },
        },
      )
      const plan = planExport(["a", "b"], {}, 1_999_999_980)
      const judgeError = async () => "list_failed" as const
      return Array.fromAsync(
        createScan(
          { ...plan, marginS: 10, judgeError },
          { ...source, spare: () => 1 },
          new AbortController().signal,
        ).pages(),
      )
    }
    const items = await exportWhile(true)
    expect(items.filter((item) => "notice" in item)).toMatchObject([{ listId: "b" }])
    await expect(exportWhile(false)).rejects.toBe(failure)
  })

  test("does not wait for a probe when everything is read", async () => {
    expect(await exportWith(() => new Promise(() => {}))).toBe(100)
  })

  test("sends probes concurrently with the first page, and splits when that has arrived", async () => {
    const first = Promise.withResolvers<void>()
    const source = createExpectingSource(async (query, response) => {
      if (query.since === undefined && query.offset === 0) await first.promise
      return response()
    })
    const plan = planExport(["a"], {}, 1_999_999_980)
    const scan = createScan({ ...plan, marginS: 10 }, source, new AbortController().signal)
    let rows = 0
    const receive = async () => {
      for await (const item of scan.pages()) if ("ranges" in item) rows += countRows(item.ranges)
    }
    const received = receive()
    await new Promise((resolve) => setTimeout(resolve))
    expect(source.queries.map(({ count, offset }) => [count, offset])).toEqual([
      [undefined, 0],
      ...[19, 28, 37, 46, 55, 64, 73, 82, 91].map((offset) => [1, offset]),
    ])
    first.resolve()
    await received
    expect(rows).toBe(100)
    expect(source.queries.filter(isProbe)).toHaveLength(9)
  })

  test("continues if such a probe is refused, even permanently, because the first page shows what that means", async () => {
    const refusal = new AppError("mailchimp_forbidden", "Cannot read the members")
    let refused = 0
    const source = createExpectingSource((query, response) => {
      if (!isEarly(query)) return response()
      refused += 1
      throw refusal
    })
    const plan = planExport(["a"], {}, 1_999_999_980)
    const scan = createScan({ ...plan, marginS: 10 }, source, new AbortController().signal)
    let rows = 0
    for await (const item of scan.pages()) if ("ranges" in item) rows += countRows(item.ranges)
    expect([rows, refused]).toEqual([100, 9])
  })

  test("sends no probe with the first page of an export that is resumed, is incremental or has a date filter", async () => {
    const closed = 1_999_999_980
    const resumed = planExport(["a"], {}, closed)
    const { lists } = resumed
    const end = { kind: "end", selection: "", isIncremental: false, horizon: closed - 1 } as const
    const plans = [
      { ...resumed, lists: lists.map((list) => ({ ...list, totalItems: 100 })) },
      planExport(["a"], {}, closed, {
        ...end,
        lists: [{ id: "a", live: { windows: [], tail: { since: 5 } } }],
      }),
      planExport(["a"], { since: 5 }, closed),
      planExport(["a"], { before: closed - 5 }, closed),
    ]
    for (const plan of plans) {
      const source = createExpectingSource((_query, response) => response())
      const scan = createScan({ ...plan, marginS: 10 }, source, new AbortController().signal)
      let rows = 0
      for await (const item of scan.pages()) if ("ranges" in item) rows += countRows(item.ranges)
      expect(rows).toBe(100)
      expect(source.queries.filter(isEarly)).toEqual([])
    }
  })
})

/** Three lists whose first pages hang until `respond()`, and how many requests could start. */
function setUpHanging() {
  const { promise, resolve: respond } = Promise.withResolvers<void>()
  const listeners = new Set<() => void>()
  let spare = 0
  const lists = { a: membersOf(1), b: membersOf(1), c: membersOf(1) }
  const source = createTestSource(lists, {
    response: async (_query, _signal, response) => {
      await promise
      return response()
    },
  })
  const scan = createScan(
    { ...planExport(["a", "b", "c"], {}, 1_999_999_980), marginS: 10 },
    {
      ...source,
      spare: () => Math.max(0, spare - source.queries.length),
      onSpare: (listener) => {
        listeners.add(listener)
        return { [Symbol.dispose]: () => listeners.delete(listener) }
      },
    },
    new AbortController().signal,
  )
  const allow = (requests: number) => {
    spare = requests
    for (const listener of listeners) listener()
  }
  return { pages: scan.pages(), allow, respond, requested: () => source.queries.length, listeners }
}

describe("spare requests that come without a response", () => {
  test("are used at once while the consumer waits for a page", async () => {
    const { pages, allow, respond, requested, listeners } = setUpHanging()
    const first = pages.next()
    expect(requested()).toBe(1)
    allow(2)
    expect(requested()).toBe(2)
    allow(3)
    expect(requested()).toBe(3)
    respond()
    expect((await first).done).toBe(false)
    await pages.return(undefined)
    expect(listeners.size).toBe(0)
  })

  test("are not used while a page waits for the consumer", async () => {
    const { pages, allow, respond, requested } = setUpHanging()
    respond()
    await pages.next()
    const before = requested()
    allow(10)
    expect(requested()).toBe(before)
    await pages.next()
    expect(requested()).toBeGreaterThan(before)
    await pages.return(undefined)
  })
})
