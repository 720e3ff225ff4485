import { describe, expect, test } from "bun:test"
import { addRows } from "../../../src/scan/add-rows.ts"
import { createIdSum } from "../../../src/lib/id-sum.ts"
import { createRecount, type Recount } from "../../../src/scan/reconciliation/recount.ts"
import type { MembersQuery, Page } from "../../../src/scan/source.ts"
import { momentOf, pageOfIds } from "../../support/members.ts"

const HORIZON = 500
const query = { listId: "a", sort: "last_changed" } as const

function pageOf(ids: string, totalItems: number, second = 100): Page {
  return {
    ...pageOfIds([...ids]),
    second: () => second,
    fingerprint: (index) => ids[index] ?? "",
    totalItems,
    count: 3,
    sentAt: momentOf(1000),
  }
}

function start(delivered: string | undefined, until?: number): Recount {
  const sum = createIdSum()
  const rows = pageOf(delivered ?? "", 0)
  addRows(sum, rows, 0, rows.length, HORIZON)
  return createRecount({
    query,
    until,
    delivered: delivered === undefined ? undefined : { rows: delivered.length, sum },
    horizon: HORIZON,
    marginS: 10,
    versions: new Map(),
  })
}

/** Responds with pages of three of a list sorted by its letters. Returns the delivered rows and the requests. */
function run(
  recount: Recount,
  response: (query: MembersQuery) => { readonly ids: string; readonly totalItems: number },
  dated = (page: Page, _shown: string): Page => page,
) {
  let delivered = ""
  const queries: MembersQuery[] = []
  for (let next = recount.nextRequest(); next && queries.length < 50; next = recount.nextRequest()) {
    queries.push(next.query)
    const { ids, totalItems } = response(next.query)
    const inOrder = next.query.direction === "DESC" ? [...ids].toReversed().join("") : ids
    const shown = inOrder.slice(next.query.offset, next.query.offset + (next.query.count ?? 3))
    const { ranges } = recount.receive(dated(pageOf(shown, totalItems), shown), next)
    for (const range of ranges) delivered += shown.slice(range.start, range.end)
  }
  expect(recount.isDone()).toBe(true)
  return { delivered, queries, outcome: recount.outcome() }
}

/** An unchanging list: nothing has changed since the first pass. */
const unchanging =
  (ids: string, totalItems: number) =>
  ({ since }: MembersQuery) =>
    since === undefined ? { ids, totalItems } : { ids: "", totalItems: totalItems - ids.length }

describe("createRecount()", () => {
  test("proves a count wrong by a pass in each direction, and delivers nothing again", () => {
    const { delivered, queries, outcome } = run(start("abcd"), unchanging("abcd", 5))
    expect([delivered, outcome]).toEqual(["", { countDiffers: 1 }])
    expect(queries.map(({ direction, offset }) => `${direction} ${offset}`)).toEqual([
      "ASC 0",
      "ASC 3",
      "ASC 4",
      "DESC 0",
      "DESC 3",
      "DESC 4",
      "ASC 0",
    ])
  })

  test("compares ids and not bytes, which may change although nothing moved the date", () => {
    let pages = 0
    const edited = (page: Page, shown: string): Page => {
      pages += 1
      const round = pages
      return { ...page, fingerprint: (index) => `${shown[index]} ${round}` }
    }
    const { delivered, outcome } = run(start("abcd"), unchanging("abcd", 5), edited)
    expect([delivered, outcome]).toEqual(["", { countDiffers: 1 }])
  })

  test("delivers every row if other rows were delivered, or if the delivered rows are unknown", () => {
    for (const before of ["abc", "abcc", undefined])
      expect(run(start(before), unchanging("abcd", 5))).toMatchObject({
        delivered: "abcd",
        outcome: { countDiffers: 1 },
      })
  })

  test("proves nothing if the directions do not show the same rows, and reports which shows more", () => {
    const { outcome, delivered } = run(start("abc"), ({ direction, since }) => ({
      ids: since !== undefined ? "" : direction === "DESC" ? "abcd" : "abc",
      totalItems: 5,
    }))
    expect([outcome, delivered]).toEqual([{ fuller: "DESC" }, ""])
  })

  test("proves nothing while the list changes, and compares it once more after a margin", () => {
    const recount = start("abc")
    let looks = 0
    const { outcome, queries } = run(recount, ({ since }) => {
      looks += since === undefined ? 0 : 1
      return { ids: since === undefined ? "abc" : "c", totalItems: 5 }
    })
    expect(outcome).toEqual({ fuller: "ASC" })
    expect([looks, queries.length]).toEqual([2, 10])
  })

  test("stops an attempt as soon as the count changes, but the last attempt compares both directions", () => {
    const changesTwice = start("abcdefg")
    const changesOnce = start("abcdefg")
    const responses = (changes: number) => {
      let requests = 0
      return ({ since }: MembersQuery) => {
        requests += 1
        return { ids: since === undefined ? "abcdefg" : "", totalItems: 8 + Math.min(requests, changes) }
      }
    }
    const order = (queries: readonly MembersQuery[]) =>
      queries.map(({ direction, offset }) => `${direction} ${offset}`)
    const once = run(changesOnce, responses(2))
    expect(order(once.queries).slice(0, 3)).toEqual(["ASC 0", "ASC 3", "ASC 0"])
    expect(once.outcome).toEqual({ countDiffers: 3 })
    const always = run(changesTwice, responses(100))
    expect(order(always.queries).filter((request) => request.endsWith(" 0"))).toEqual([
      "ASC 0",
      "ASC 0",
      "DESC 0",
    ])
    expect(always.outcome).toEqual({ fuller: "ASC" })
  })

  test("does not take two empty truncated responses for a list without members", () => {
    let requests = 0
    const { outcome } = run(start("ab"), ({ since }) => {
      requests += 1
      return { ids: since !== undefined || requests <= 2 ? "" : "ab", totalItems: 3 }
    })
    expect(outcome).toEqual({ countDiffers: 1 })
  })

  test.each([
    ["includes its own second", "abcd"],
    ["excludes its own second", "abc"],
  ])("compares all rows up to the caller's upper bound if `before` %s", (_, ids) => {
    const secondOf = (page: Page, shown: string): Page => ({
      ...page,
      second: (index) => (shown[index] === "d" ? 101 : 100),
    })
    for (const delivered of ["abc", undefined]) {
      const result = run(start(delivered, 100), unchanging(ids, ids.length + 1), secondOf)
      expect(result).toMatchObject({ delivered: delivered ? "" : "abc", outcome: { countDiffers: 1 } })
      expect(result.queries[0]?.before).toBe(101)
    }
  })

  test("gives up if a date filter is ignored", () => {
    const recount = createRecount({
      query: { ...query, since: 200 },
      until: undefined,
      delivered: undefined,
      horizon: HORIZON,
      marginS: 10,
      versions: new Map(),
    })
    expect(run(recount, () => ({ ids: "abc", totalItems: 5 }))).toMatchObject({
      delivered: "",
      outcome: { fuller: undefined },
    })
  })

  test("gives up if the offset is ignored, instead of reading forever", () => {
    const recount = start("abc")
    let requests = 0
    for (let next = recount.nextRequest(); next && requests < 50; next = recount.nextRequest()) {
      requests += 1
      recount.receive(pageOf("abc", 4), next)
    }
    expect(recount.isDone()).toBe(true)
    expect(requests).toBeLessThan(10)
  })
})
