import { describe, expect, test } from "bun:test"
import type { RequestEntry } from "../../src/sandbox/traffic.ts"
import { differenceOf, listIdOf, noDifference } from "../support/sandbox-and-service.ts"
import {
  type Action,
  breakList,
  endOf,
  expectOthersWhole,
  forbidden,
  notFound,
  serverError,
  startThreeLists,
} from "../support/three-lists.ts"

/** How a list can be permanently unreadable, and the code that the consumer reads. */
const faults: readonly (readonly [string, string, Action, number | undefined])[] = [
  ["a 404", "list_not_found", notFound, 404],
  ["a 403", "mailchimp_forbidden", forbidden, 403],
  ["a 500", "mailchimp_error", serverError, 500],
  ["a 502 of a proxy", "mailchimp_error", { kind: "html", status: 502 }, 502],
  ["JSON that ends early", "mailchimp_error", { kind: "bad_json" }, undefined],
  ["a reset connection", "mailchimp_error", { kind: "reset" }, undefined],
  ["no response at all", "mailchimp_timeout", { kind: "hang" }, undefined],
  ["a 504", "mailchimp_timeout", { kind: "problem", problem: "gateway_timeout" }, 504],
]

describe("one of three lists whose members cannot be read, although GET /lists shows it", () => {
  test.each(faults)(
    "with events, if they are %s: the others are complete, the list is an event line, the end is short",
    async (_, code, action, upstream) => {
      await using pair = await startThreeLists()
      const [, broken] = pair.listIds
      breakList(pair, broken, action)
      const received = await pair.receive("/export?events=true")
      expect([received.status, received.isBroken]).toEqual([200, false])
      expectOthersWhole(pair, received, broken)

      expect(received.ofKind("list_error")).toMatchObject([{ list_id: broken, code }])
      const [error] = received.ofKind("list_error")
      expect(error?.detail).not.toBe("")
      expect(error?.upstream?.status).toBe(upstream)
      expect(received.ofKind("error")).toEqual([])
      const end = endOf(received)
      expect(end.status).toBe("short")
      expect(end.rows).toBe(received.rows.length)
      expect(end.lists.filter((list) => list.code !== undefined)).toMatchObject([{ id: broken, code }])
    },
    30_000,
  )

  test.each(faults)(
    "without events, if they are %s: all rows of the others arrive, then the transfer breaks",
    async (_, _code, action) => {
      await using pair = await startThreeLists()
      const [, broken] = pair.listIds
      breakList(pair, broken, action)
      const received = await pair.receive("/export")
      expect([received.status, received.isBroken]).toEqual([200, true])
      expectOthersWhole(pair, received, broken)
    },
    30_000,
  )

  test("as JSON: the document is aborted after the others", async () => {
    await using pair = await startThreeLists()
    const [broken] = pair.listIds
    breakList(pair, broken, notFound)
    const response = await pair.get("/export?format=json")
    expect(response.status).toBe(200)
    let text = ""
    const reading = (async () => {
      const decoder = new TextDecoder()
      for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true })
    })()
    await expect(reading).rejects.toThrow()
    expect(text.match(/"list_id":"/g)).toHaveLength(
      pair.liveRows().filter((row) => listIdOf(row) !== broken).length,
    )
  })

  test.each([0, 1, 2])("the unreadable list may be any of the three: number %d", async (index) => {
    await using pair = await startThreeLists()
    const broken = pair.listIds[index]
    breakList(pair, broken, notFound)
    const received = await pair.receive("/export?events=true&include=archived")
    expect(received.isBroken).toBe(false)
    expectOthersWhole(pair, { ...received, rows: received.rows.filter(isLive) }, broken)
    expect(endOf(received).status).toBe("short")
  })

  test("its merge fields cannot be read either, which selecting them requires: the others are complete", async () => {
    await using pair = await startThreeLists()
    const [, broken] = pair.listIds
    if (broken === undefined) throw new Error("no list")
    pair.sandbox.faults.add({ match: { listId: broken }, action: notFound, times: Infinity })
    const received = await pair.receive("/export?events=true&fields=list_id,merge_fields.FNAME")
    expect([received.status, received.problem]).toEqual([200, ""])
    expect(received.rows).toHaveLength(pair.liveRows().filter((row) => listIdOf(row) !== broken).length)
    expect(received.ofKind("list_error")).toMatchObject([{ list_id: broken, code: "list_not_found" }])
  })

  test("only its archived members are a 403: its live members are there, and the others are complete", async () => {
    await using pair = await startThreeLists()
    const [, broken] = pair.listIds
    if (broken === undefined) throw new Error("no list")
    pair.sandbox.faults.add({
      match: { listId: broken, query: "status=archived" },
      action: forbidden,
      times: Infinity,
    })
    const received = await pair.receive("/export?events=true&include=archived")
    expect(received.isBroken).toBe(false)
    expect(differenceOf(received.rows.filter(isLive), pair.liveRows())).toEqual(noDifference)
    expect(received.ofKind("list_error")).toMatchObject([{ list_id: broken, code: "mailchimp_forbidden" }])
    expect(endOf(received).status).toBe("short")
  })

  test("two failing lists are retried concurrently, not one after the other", async () => {
    await using pair = await startThreeLists()
    const [first, , third] = pair.listIds
    breakList(pair, first, serverError)
    breakList(pair, third, serverError)
    const received = await pair.receive("/export?events=true")
    expect(received.isBroken).toBe(false)
    expectOthersWhole(pair, received, first, third)
    const failed = received.ofKind("list_error").map(({ list_id }) => list_id)
    expect(new Set<string | undefined>(failed)).toEqual(new Set([first, third]))
    expect(failed).toHaveLength(2)
    const { log } = pair.sandbox.traffic
    const isOf = (listId: string | undefined) => (entry: RequestEntry) => entry.listId === listId
    expect(log.findIndex(isOf(third))).toBeLessThan(log.findLastIndex(isOf(first)))
    expect(log.findIndex(isOf(first))).toBeLessThan(log.findLastIndex(isOf(third)))
  }, 30_000)
})

describe("faults that do not concern one list", () => {
  test.each([
    ["404", notFound, 404, "list_not_found"],
    ["403", forbidden, 403, "mailchimp_forbidden"],
  ] as const)(
    "all lists are a %s: that is the status, with and without events",
    async (_, action, status, code) => {
      await using pair = await startThreeLists()
      for (const listId of pair.listIds) breakList(pair, listId, action)
      for (const path of ["/export", "/export?events=true"]) {
        const received = await pair.receive(path)
        expect(received.status).toBe(status)
        expect(JSON.parse(received.problem)).toMatchObject({ code })
      }
    },
  )

  test("all lists fail after their first page: the export fails", async () => {
    await using pair = await startThreeLists()
    for (const listId of pair.listIds) breakList(pair, listId, notFound, 1)
    const received = await pair.receive("/export?events=true")
    expect(received.isBroken).toBe(true)
    expect(received.ofKind("end")).toEqual([])
    expect(received.ofKind("error")).toMatchObject([{ code: "list_not_found" }])
  })

  test("the only list that was named is a 404: that is the status", async () => {
    await using pair = await startThreeLists()
    const [, broken] = pair.listIds
    breakList(pair, broken, notFound)
    expect((await pair.receive(`/export/${broken}?events=true`)).status).toBe(404)
    expect((await pair.receive(`/export/${pair.listIds[0]}?events=true`)).ofKind("end")).toMatchObject([
      { status: "complete" },
    ])
  })

  test("the token is revoked in mid-export: the export fails, and no list is blamed", async () => {
    await using pair = await startThreeLists()
    let pages = 0
    pair.onRequest(({ path }) => {
      if (path.endsWith("/members") && (pages += 1) === 5) pair.sandbox.revoke(pair.account.userId)
    })
    const received = await pair.receive("/export?events=true")
    expect(received.isBroken).toBe(true)
    expect(received.ofKind("list_error")).toEqual([])
    expect(received.ofKind("error")).toMatchObject([{ code: "connection_invalidated" }])
  })
})

function isLive(row: string): boolean {
  return JSON.parse(row).status !== "archived"
}
