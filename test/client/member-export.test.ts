import { expect, test } from "bun:test"
import type { ExportOptions, Progress } from "../../src/client/export-options.ts"
import { createExport } from "../../src/client/member-export.ts"
import { type Reply, checkpoint, end, linesOf, member, problemOf, serviceOf, start } from "./support.ts"

const broken = new TypeError("terminated")

/** An export of these responses, with the pauses that it made. */
function exportOf(replies: readonly Reply[], options: Partial<ExportOptions> = {}) {
  const { service, requests } = serviceOf(...replies)
  const pauses: number[] = []
  const sleep = async (ms: number) => void pauses.push(ms)
  const members = createExport({ ...service, ...options }, { sleep, random: () => 1 })
  return { members, requests, pauses }
}

/** The ids that the loop sees, and what it throws. */
async function drain(members: AsyncIterable<{ id?: string }>) {
  const ids: string[] = []
  try {
    for await (const { id } of members) ids.push(id ?? "")
    return { ids }
  } catch (error) {
    return { ids, error }
  }
}

test("nothing is requested before the first member is", () => {
  const { requests } = exportOf([])
  expect(requests).toEqual([])
})

test("an export yields its members, and has its end as the proof", async () => {
  const lines = [start, member(1), member(2), checkpoint("c1"), member(3), end()]
  const { members, requests } = exportOf([linesOf(lines)])
  expect(await drain(members)).toEqual({ ids: ["1", "2", "3"] })
  expect(members.end).toMatchObject({ status: "complete" })
  expect(members.cursor).toBe("end")
  expect(String(requests[0]?.url)).toBe(
    "https://export.example.com/v1/integrations/mailchimp/export?events=true",
  )
  expect(requests[0]?.headers.get("export-cursor")).toBeNull()
  // The end was reached, so there is nothing more to read.
  expect(await drain(members)).toEqual({ ids: [] })
})

test("all options become parameters, and the cursor a header", async () => {
  const { members, requests } = exportOf([linesOf([start, end()])], {
    subAccountId: "s1",
    lists: ["a", "b"],
    fields: ["id", "merge_fields.FNAME"],
    excludeFields: ["tags"],
    status: ["subscribed", "cleaned"],
    since: new Date("2026-01-31T08:00:00Z"),
    before: "2026-12-31T23:59:59+01:00",
    include: "archived",
    cursor: "c0",
  })
  await drain(members)
  const [request] = requests
  expect(Object.fromEntries(request?.url.searchParams ?? [])).toEqual({
    sub_account_id: "s1",
    events: "true",
    list_id: "a,b",
    fields: "id,merge_fields.FNAME",
    exclude_fields: "tags",
    status: "subscribed,cleaned",
    since_last_changed: "2026-01-31T08:00:00.000Z",
    before_last_changed: "2026-12-31T23:59:59+01:00",
    include: "archived",
  })
  expect(request?.headers.get("export-cursor")).toBe("c0")
  expect(request?.headers.get("accept")).toBe("application/x-ndjson")
})

test("a single list has a route of its own, and no list is not all lists", async () => {
  const one = exportOf([linesOf([start, end()])], { lists: ["a/b"] })
  await drain(one.members)
  expect(one.requests[0]?.url.pathname).toEndWith("/export/a%2Fb")
  const none = exportOf([linesOf([start, end()])], { lists: [] })
  await drain(none.members)
  expect(none.requests[0]?.url.searchParams.get("list_id")).toBe("")
})

test("a broken transfer is resumed from the last cursor, and rows after that cursor are dropped", async () => {
  const { members, requests, pauses } = exportOf([
    linesOf([start, member(1), checkpoint("c1"), member(2), checkpoint("c2"), member(3)], broken),
    linesOf([start, member(3), member(4), end()]),
  ])
  expect(await drain(members)).toEqual({ ids: ["1", "2", "3", "4"] })
  expect(requests.map(({ headers }) => headers.get("export-cursor"))).toEqual([null, "c2"])
  expect(pauses).toEqual([100])
})

test("a response that ends normally without its end line is resumed, too", async () => {
  const { members } = exportOf([linesOf([start, member(1), checkpoint("c1")]), linesOf([start, end()])])
  expect(await drain(members)).toEqual({ ids: ["1"] })
})

test("an error line is resumed if it is retryable, and otherwise thrown after all members", async () => {
  const errorLine = (retryable: boolean) => ({
    $export: "error",
    code: "mailchimp_error",
    detail: "Mailchimp failed",
    retryable,
    cursor: "e1",
  })
  const retried = exportOf([
    linesOf([start, member(1), errorLine(true)], broken),
    linesOf([start, member(2), end()]),
  ])
  expect(await drain(retried.members)).toEqual({ ids: ["1", "2"] })
  expect(retried.requests[1]?.headers.get("export-cursor")).toBe("e1")

  const failed = exportOf([linesOf([start, member(1), errorLine(false)], broken)])
  const { ids, error } = await drain(failed.members)
  expect(ids).toEqual(["1"])
  expect(error).toMatchObject({ code: "mailchimp_error", retryable: false, requestId: "r2" })
  expect(failed.members.cursor).toBe("e1")
  expect(failed.members.end).toBeUndefined()
})

test("codes that do not mend are thrown at once", async () => {
  const codes = [
    [400, "invalid_cursor"],
    [403, "cursor_foreign"],
    [410, "cursor_expired"],
    [409, "disconnected"],
    [409, "connection_invalidated"],
    [500, "internal_error"],
    [401, "unauthorized"],
  ] as const
  for (const [status, code] of codes) {
    const { members, requests } = exportOf([
      linesOf([start, member(1), checkpoint("c1")], broken),
      problemOf(status, code),
    ])
    expect((await drain(members)).error, code).toMatchObject({ code, status })
    expect(requests, code).toHaveLength(2)
  }
})

test("responses that bring nothing new are given up on, however long each of them lasted", async () => {
  const leg = () => linesOf([start, checkpoint("c1")], broken)
  const { members, pauses } = exportOf(
    [linesOf([start, member(1), checkpoint("c0")], broken), leg(), leg(), leg()],
    { maxRetries: 3 },
  )
  expect((await drain(members)).error).toMatchObject({ code: "network_error" })
  expect(pauses).toEqual([100, 500, 1000])
})

test("responses that repeat the same members bring nothing new, unless the members do not tell", async () => {
  const leg = (row: object) => linesOf([start, row, checkpoint("c")], broken)
  const same = exportOf(
    Array.from({ length: 5 }, () => leg(member(1))),
    { maxRetries: 3 },
  )
  expect((await drain(same.members)).error).toMatchObject({ code: "network_error" })
  expect(same.pauses).toEqual([100, 500, 1000])

  const others = Array.from({ length: 5 }, (_, number) => leg(member(number)))
  const moving = exportOf([...others, linesOf([start, end()])], { maxRetries: 3 })
  expect((await drain(moving.members)).error).toBeUndefined()

  const unnamed = Array.from({ length: 5 }, () => leg({ status: "subscribed" }))
  const untold = exportOf([...unnamed, linesOf([start, end()])], { maxRetries: 3 })
  expect((await drain(untold.members)).error).toBeUndefined()
})

test("after a failure another loop resumes", async () => {
  const { members } = exportOf(
    [
      linesOf([start, member(1), checkpoint("c1")], broken),
      (_url, init) => {
        expect(new Headers(init.headers).get("export-cursor")).toBe("c1")
        return linesOf([start, member(2), end()])
      },
    ],
    { maxRetries: 0 },
  )
  const first = await drain(members)
  expect(first).toMatchObject({ ids: ["1"], error: { code: "network_error" } })
  expect(await drain(members)).toEqual({ ids: ["2"] })
})

test("the cursor covers what was processed: in a page's loop all pages before, with the page's own cursor beside it", async () => {
  const lines = [start, member(1), checkpoint("c1"), member(2), checkpoint("c2"), end()]
  const { members } = exportOf([linesOf(lines)])
  const seen = []
  for await (const page of members.pages()) seen.push([page.members.length, page.cursor, members.cursor])
  expect(seen).toEqual([
    [1, "c1", undefined],
    [1, "c2", "c1"],
  ])
  expect(members.cursor).toBe("end")
})

test("a loop that is left does not lose the members that it did not reach", async () => {
  const { members } = exportOf([
    linesOf([start, member(1), checkpoint("c1"), member(2), member(3), checkpoint("c2"), end()]),
  ])
  for await (const { id } of members) if (id === "2") break
  expect(members.cursor).toBe("c1")
})

test("short is thrown as incomplete after all members, with the end and its cursor", async () => {
  const lists = [
    { id: "l1", rows: 1 },
    { id: "l2", rows: 0, short: true, code: "mailchimp_forbidden" },
    { id: "l3", rows: 0, short: true },
  ]
  const { members } = exportOf([linesOf([start, member(1), end({ status: "short", lists })])])
  const { ids, error } = await drain(members)
  expect(ids).toEqual(["1"])
  expect(error).toMatchObject({ code: "incomplete", retryable: true })
  expect(error).toMatchObject({
    detail: expect.stringContaining(
      "of the lists l2 (mailchimp_forbidden), l3 (Mailchimp's counts and rows disagree).",
    ),
  })
  expect(members.end?.status).toBe("short")
  expect(members.cursor).toBe("end")
})

test("an export with an upper bound ends without a cursor", async () => {
  const { members } = exportOf([linesOf([start, member(1), checkpoint("c1"), end({ cursor: undefined })])])
  await drain(members)
  expect(members.cursor).toBeUndefined()
})

test("toArray() has each member once, in the last version, and at most `limit`", async () => {
  const lines = [start, { ...member(1), v: 1 }, member(2), { ...member(1), v: 2 }, { v: 3 }, { v: 4 }, end()]
  const whole = exportOf([linesOf(lines)])
  expect(await whole.members.toArray()).toMatchObject([{ id: "1", v: 2 }, { id: "2" }, { v: 3 }, { v: 4 }])
  expect(whole.members.end).toBeDefined()
  const part = exportOf([linesOf(lines)])
  expect(await part.members.toArray({ limit: 2 })).toHaveLength(2)
  expect(part.members.end).toBeUndefined()
})

test("deleted lists are known, and progress tells rows, waits and retries", async () => {
  const seen: Progress[] = []
  const waiting = { $export: "progress", rows: 1, estimate: 4, requests: 2, waiting_for: "rate_limit" }
  const deleted = { $export: "deleted", list_id: "l9", at: "2026-01-01T00:00:00Z", reason: "list_deleted" }
  const { members } = exportOf(
    [
      linesOf([start, deleted, member(1), checkpoint("c1"), waiting], broken),
      linesOf([start, { $export: "of_a_later_version" }, end()]),
    ],
    { onProgress: (progress) => void seen.push(progress) },
  )
  await drain(members)
  expect(members.deletedLists).toEqual(["l9"])
  expect(seen.slice(0, 3)).toMatchObject([
    { rows: 1, estimate: 4 },
    { rows: 1, estimate: 4, waitingFor: "rate_limit" },
    { rows: 1, estimate: 4, error: { code: "network_error" } },
  ])
})

test("the caller's abort ends the request, with the caller's own reason", async () => {
  const controller = new AbortController()
  const reason = new Error("left")
  let requested: AbortSignal | undefined | null
  const { members } = exportOf(
    [
      (_, { signal }) => {
        requested = signal
        return linesOf([start, member(1), checkpoint("c1"), member(2), end()])
      },
    ],
    { signal: controller.signal },
  )
  const seen: string[] = []
  const reading = (async () => {
    for await (const { id } of members) {
      seen.push(id ?? "")
      controller.abort(reason)
    }
  })()
  expect(await reading.catch((error: unknown) => error)).toBe(reason)
  expect(requested?.aborted).toBe(true)
  expect(seen).toEqual(["1"])
})
