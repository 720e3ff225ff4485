import { describe, expect, test } from "bun:test"
import { addRows } from "../../src/scan/add-rows.ts"
import { createIdSum } from "../../src/lib/id-sum.ts"
import { createRecount, type Recount } from "../../src/scan/recount.ts"
import type { MembersQuery, Page } from "../../src/scan/source.ts"
import { momentOf, pageOfIds } from "../support/members.ts"

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

function start(delivered: string | undefined): Recount {
  const sum = createIdSum()
  const rows = pageOf(delivered ?? "", 0)
  addRows(sum, rows, 0, rows.length, HORIZON)
  return createRecount({
    query,
    delivered: delivered === undefined ? undefined : { rows: delivered.length, sum },
    horizon: HORIZON,
    marginS: 10,
    versions: new Map(),
  })
}

/** Answers pages of three of a list that is sorted by its letters; gives the rows that were delivered, and the requests. */
function run(
  recount: Recount,
  response: (query: MembersQuery) => { readonly ids: string; readonly totalItems: number },
) {
  let delivered = ""
  const queries: MembersQuery[] = []
  for (let next = recount.nextRequest(); next && queries.length < 50; next = recount.nextRequest()) {
    queries.push(next.query)
    const { ids, totalItems } = response(next.query)
    const inOrder = next.query.direction === "DESC" ? [...ids].toReversed().join("") : ids
    const shown = inOrder.slice(next.query.offset, next.query.offset + (next.query.count ?? 3))
    const { ranges } = recount.receive(pageOf(shown, totalItems), next)
    for (const range of ranges) delivered += shown.slice(range.start, range.end)
  }
  expect(recount.isDone()).toBe(true)
  return { delivered, queries, outcome: recount.outcome() }
}

/** A list at rest: nothing has changed since the first pass. */
const atRest =
  (ids: string, totalItems: number) =>
  ({ since }: MembersQuery) =>
    since === undefined ? { ids, totalItems } : { ids: "", totalItems: totalItems - ids.length }

describe("createRecount()", () => {
  test("proves a count wrong by a pass in each direction, and delivers nothing that was delivered", () => {
    const { delivered, queries, outcome } = run(start("abcd"), atRest("abcd", 5))
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

  test("delivers every row where another set was delivered, or it is not known what was", () => {
    for (const before of ["abc", "abcc", undefined])
      expect(run(start(before), atRest("abcd", 5))).toMatchObject({
        delivered: "abcd",
        outcome: { countDiffers: 1 },
      })
  })

  test("proves nothing where the directions do not show the same rows, and tells which shows more", () => {
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

  test("does not take two responses that were cut to nothing for a list without members", () => {
    let requests = 0
    const { outcome } = run(start("ab"), ({ since }) => {
      requests += 1
      return { ids: since !== undefined || requests <= 2 ? "" : "ab", totalItems: 3 }
    })
    expect(outcome).toEqual({ countDiffers: 1 })
  })

  test("gives up where a filter of dates is not heeded", () => {
    const recount = createRecount({
      query: { ...query, since: 200 },
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

  test("gives up where the offset is not heeded, instead of reading for ever", () => {
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
