import { describe, expect, test } from "bun:test"
import type { Fetch } from "../../../src/lib/fetch.ts"
import { createMailchimpClient } from "../../../src/mailchimp/client.ts"
import { createLimiter } from "../../../src/mailchimp/limiter/limiter.ts"
import {
  createReadMembers,
  type MembersQuery,
  type ReadMembersOptions,
} from "../../../src/mailchimp/members/read-members.ts"
import { startSandbox } from "../../../src/sandbox/serve.ts"
import { createVirtualClock } from "../../support/virtual-clock.ts"

const { signal } = new AbortController()
const plain: MembersQuery = { listId: "a1b2", sort: "last_changed", offset: 0 }

function setUp(
  fetch: Fetch,
  options: ReadMembersOptions = {},
  apiUrl = "https://{dc}.api.mailchimp.com/3.0",
  random = () => 0.5,
) {
  const clock = createVirtualClock()
  const client = createMailchimpClient({
    accessToken: "abc",
    dc: "us1",
    apiUrl,
    flow: createLimiter({ clock }).join(),
    fetch: clock.watch(fetch),
    clock,
    random,
  })
  const readMembers = createReadMembers(client, options)
  const read = (query: Partial<MembersQuery> = {}) =>
    clock.settle(readMembers({ ...plain, ...query }, signal))
  return { clock, client, readMembers, read }
}

/** Gives each request the next response, then empty pages, and records the URLs. */
function respondWith(...responses: (Response | undefined)[]) {
  const urls: URL[] = []
  const fetch: Fetch = async (url) => {
    urls.push(new URL(url))
    return responses.shift() ?? Response.json({ members: [], total_items: 0 })
  }
  const counts = () => urls.map((url) => Number(url.searchParams.get("count")))
  return { fetch, urls, counts }
}

const tooMuch = (status: number) => Response.json({ title: "Too much", status }, { status })

describe("read()", () => {
  test("requests a page in the given order", async () => {
    const { fetch, urls } = respondWith()
    await setUp(fetch).read()
    expect(urls[0]?.pathname).toBe("/3.0/lists/a1b2/members")
    expect(Object.fromEntries(urls[0]?.searchParams ?? [])).toEqual({
      count: "1000",
      offset: "0",
      sort_field: "last_changed",
      sort_dir: "ASC",
    })
  })

  test("sends all parameters of the query, dates with a zone", async () => {
    const { fetch, urls } = respondWith()
    const second = Date.parse("2024-02-29T23:59:59Z") / 1000
    await setUp(fetch).read({
      status: "archived",
      since: second,
      before: second + 1,
      sort: "timestamp_opt",
      direction: "DESC",
      offset: 30,
      count: 7,
    })
    expect(Object.fromEntries(urls[0]?.searchParams ?? [])).toMatchObject({
      status: "archived",
      since_last_changed: "2024-02-29T23:59:59+00:00",
      before_last_changed: "2024-03-01T00:00:00+00:00",
      sort_field: "timestamp_opt",
      sort_dir: "DESC",
      offset: "30",
      count: "7",
    })
  })

  test("requests the given fields, or all but the excluded ones", async () => {
    const { fetch, urls } = respondWith()
    await setUp(fetch, { fields: ["members.id", "total_items"] }).read()
    await setUp(fetch, { excludeFields: ["members.tags", "_links"] }).read()
    await setUp(fetch).read()
    expect(
      urls.map(({ searchParams }) => [searchParams.get("fields"), searchParams.get("exclude_fields")]),
    ).toEqual([
      ["members.id,total_items", null],
      [null, "members.tags,_links"],
      [null, null],
    ])
  })

  test("removes the keys that only we requested", async () => {
    const members = [{ id: "a", status: "subscribed", last_changed: "2024-05-01T00:00:00+00:00" }]
    const { fetch } = respondWith(Response.json({ members, total_items: 1 }))
    const page = await setUp(fetch, { without: ["last_changed"] }).read()
    expect(Buffer.from(page.bytes(0, 1)).toString()).toBe('\n{"id":"a","status":"subscribed"}')
    expect(page.second(0)).toBe(Date.parse("2024-05-01T00:00:00Z") / 1000)
  })

  test("never requests more than 1000 rows, or fewer than one", async () => {
    const { fetch, counts } = respondWith()
    const { read } = setUp(fetch, { pageSize: 5000 })
    for (const count of [undefined, 5000, 1000, 999, 1]) await read({ count })
    expect(counts()).toEqual([1000, 1000, 1000, 999, 1])
    await setUp(fetch, { pageSize: 0 }).read()
    expect(counts().at(-1)).toBe(1)
  })

  test.each([503, 504])(
    "requests half after a %d, and passes on how many rows were requested",
    async (status) => {
      const { fetch, counts } = respondWith(tooMuch(status), tooMuch(status))
      const { read } = setUp(fetch)
      expect(await read()).toMatchObject({ count: 250 })
      expect(counts()).toEqual([1000, 500, 250])
      expect(await read({ offset: 5 })).toMatchObject({ count: 250 })
    },
  )

  test("requests half after a time-out", async () => {
    const { fetch, counts } = respondWith()
    let requested = 0
    const { readMembers, clock } = setUp((url, init) => {
      requested += 1
      return requested === 1 ? new Promise(() => {}) : fetch(url, init)
    })
    const page = readMembers(plain, signal)
    await clock.advance(125_000)
    await clock.advance(1000)
    expect(await page).toMatchObject({ count: 500 })
    expect(counts()).toEqual([500])
  })

  const html = () =>
    new Response("<html>Bad Gateway</html>", { status: 502, headers: { "content-type": "text/html" } })
  test.each<[string, () => Response]>([
    ["a problem with status 500", () => tooMuch(500)],
    ["HTML with status 502", html],
    ["not JSON", () => new Response("{")],
    ["another document", () => Response.json({})],
    ["a body that is not gzip", () => new Response("{}", { headers: { "content-encoding": "gzip" } })],
  ])("requests half after the second response that is %s, and at once after a third", async (_name, make) => {
    const { fetch, counts } = respondWith(make(), make(), make())
    const { read, clock } = setUp(fetch)
    expect(await read()).toMatchObject({ count: 250 })
    expect(counts()).toEqual([1000, 1000, 500, 250])
    // The pauses start from a short one again with each smaller page: at most half a second, here a quarter.
    expect(clock.monotonicMs()).toBe(250 + 250 + 250)
  })

  test("requests the smallest page within seven seconds of pauses, whatever the jitter", async () => {
    const failures = Array.from({ length: 8 }, () => tooMuch(500))
    const { fetch, counts } = respondWith(...failures)
    const { read, clock } = setUp(fetch, {}, undefined, () => 0.999)
    await read()
    expect(counts()).toEqual([1000, 1000, 500, 250, 125, 62, 31, 15, 10])
    expect(clock.monotonicMs()).toBeLessThan(7000)
  })

  test.each([400, 403, 404])("a refusal with status %d halves nothing", async (status) => {
    const { fetch, counts } = respondWith(tooMuch(status), tooMuch(status), tooMuch(status))
    const { read } = setUp(fetch)
    for (let time = 0; time < 3; time += 1) await read().catch(() => undefined)
    await read()
    expect(counts()).toEqual([1000, 1000, 1000, 1000])
  })

  test("throttling halves nothing", async () => {
    const { fetch, counts } = respondWith(tooMuch(429), tooMuch(500), tooMuch(429))
    await setUp(fetch).read()
    expect(counts()).toEqual([1000, 1000, 1000, 1000])
  })

  test("what one reader has learned about a list, the next reader of the connection knows", async () => {
    const { fetch, counts } = respondWith(tooMuch(504))
    const { client, read, clock } = setUp(fetch)
    await read()
    const next = createReadMembers(client, {})
    await clock.settle(next(plain, signal))
    expect(counts()).toEqual([1000, 500, 500])
  })

  test("a list that needs small pages does not affect other lists, and recovers", async () => {
    const { fetch, counts } = respondWith(tooMuch(504))
    const { read } = setUp(fetch)
    await read()
    await read({ listId: "other" })
    expect(counts()).toEqual([1000, 500, 1000])
    for (let page = 0; page < 20; page += 1) await read()
    expect(counts().at(-1)).toBe(1000)
  })

  test("a page with too many rows is requested again", async () => {
    const tooMany = Response.json({ members: [{ id: "1" }, { id: "2" }], total_items: 2 })
    const { fetch, counts } = respondWith(tooMany)
    await setUp(fetch).read({ count: 1 })
    expect(counts()).toEqual([1, 1])
  })

  test("reads the deadline after each failure, because it may have been extended since the request", async () => {
    const { fetch, urls } = respondWith(tooMuch(500), tooMuch(500), tooMuch(500))
    let leftMs: number | undefined = 0
    const { read } = setUp(
      async (url, init) => {
        const response = await fetch(url, init)
        if (urls.length === 2) leftMs = undefined
        return response
      },
      { deadlineMs: () => leftMs },
    )
    expect(await read().catch((error: unknown) => error)).toMatchObject({ code: "mailchimp_error" })
    expect(urls).toHaveLength(1)
    await read()
    expect(urls).toHaveLength(4)
  })
})

describe("pages follow the bytes of their rows", () => {
  /** A server with one list, whose rows have `rowBytes` bytes each. */
  const serve = (
    total: number,
    rowBytes: number | ((index: number) => number),
    ids: "hex" | "number" = "hex",
  ) => {
    const counts: number[] = []
    const bytes: number[] = []
    const fetch: Fetch = async (url) => {
      const { searchParams } = new URL(url)
      const [count, offset] = ["count", "offset"].map((name) => Number(searchParams.get(name)))
      const length = Math.max(0, Math.min(count ?? 0, total - (offset ?? 0)))
      const members = Array.from({ length }, (_, row) => {
        const index = (offset ?? 0) + row
        const size = typeof rowBytes === "number" ? rowBytes : rowBytes(index)
        const id = ids === "hex" ? index.toString(16).padStart(32, "0") : index
        return { id, text: "x".repeat(Math.max(0, size - 88)), last_changed: "2024-05-01T00:00:00+00:00" }
      })
      counts.push(count ?? 0)
      const body = JSON.stringify({ members, total_items: total })
      bytes.push(body.length)
      return new Response(body)
    }
    return { fetch, counts, bytes }
  }
  const MB = 2 ** 20

  test("rows of up to four kilobytes come a thousand at a time", async () => {
    for (const rowBytes of [100, 900, 4000]) {
      const { fetch, counts } = serve(3000, rowBytes)
      const { read } = setUp(fetch)
      for (const offset of [0, 1000, 2000]) await read({ offset })
      expect(counts).toEqual([1000, 1000, 1000])
    }
  })

  test("rows of 22 KB come in pages of four megabytes, after one that is requested again at once", async () => {
    const { fetch, counts, bytes } = serve(3000, 22_000)
    const { read, clock } = setUp(fetch)
    const page = await read()
    expect(counts).toEqual([1000, page.count])
    expect(clock.monotonicMs()).toBe(0)
    await read({ offset: page.count })
    expect(counts).toHaveLength(3)
    for (const size of bytes.slice(1)) {
      expect(size).toBeGreaterThan(3 * MB)
      expect(size).toBeLessThan(4.5 * MB)
    }
  })

  test("another list of the connection begins with the row size of the first list, but not with other fields", async () => {
    const { fetch, counts } = serve(3000, 22_000)
    const { client, read, clock } = setUp(fetch)
    await read()
    const known = counts.at(-1) ?? 0
    expect(known).toBeLessThan(250)
    await read({ listId: "b1b2" })
    expect(Math.abs((counts.at(-1) ?? 0) - known)).toBeLessThan(30)
    const ofFields = createReadMembers(client, { fields: ["members.id"] })
    await clock.settle(ofFields(plain, signal))
    expect(counts[3]).toBe(1000)
  })

  test("rows that grow along a list make pages smaller, and rows that shrink make them larger again", async () => {
    const { fetch, counts, bytes } = serve(20_000, (index) => (index > 1500 && index < 5000 ? 22_000 : 900))
    const { read } = setUp(fetch)
    for (let offset = 0; offset < 20_000;) offset += (await read({ offset })).length
    expect(counts[0]).toBe(1000)
    expect(counts.at(-1)).toBe(1000)
    // These pages are where the rows begin to grow; each was requested again.
    expect(bytes.filter((size) => size > 8 * MB).length).toBeLessThanOrEqual(3)
    expect(counts.length).toBeLessThan(60)
  })

  test("rows whose ids are not strings are counted, too", async () => {
    const { fetch, counts } = serve(3000, 3000, "number")
    const { read } = setUp(fetch)
    for (const offset of [0, 1000, 2000]) await read({ offset })
    expect(counts).toEqual([1000, 1000, 1000])
  })

  test("a list with a few large rows keeps its large pages", async () => {
    const { fetch, counts } = serve(3000, (index) => (index % 100 === 0 ? 22_000 : 900))
    const { read } = setUp(fetch)
    for (const offset of [0, 1000, 2000]) await read({ offset })
    expect(counts).toEqual([1000, 1000, 1000])
  })

  test("a body that stays too large with the smallest page fails in the end", async () => {
    let requests = 0
    const { read, clock } = setUp(
      async () => {
        requests += 1
        return new Response(new Uint8Array(33 * MB))
      },
      { deadlineMs: () => 30_000 - clock.monotonicMs() },
    )
    expect(await read().catch((error: unknown) => error)).toMatchObject({
      kind: "too_large",
      code: "mailchimp_error",
      detail: "Cannot read the members because Mailchimp's response exceeds the size limit: list a1b2",
    })
    expect(requests).toBeLessThan(15)
  })
})

test("reads every member of a list of the sandbox, page by page", async () => {
  const running = startSandbox({
    accounts: [{ tokens: ["abc"], lists: [{ name: "News", id: "a1b2c3d4e5", count: 250 }] }],
  })
  try {
    const { readMembers } = setUp((url, init) => fetch(url, init), { pageSize: 100 }, `${running.url}/3.0`)
    const listId = "a1b2c3d4e5"
    const total = running.sandbox.state.list(listId).table.order("none", "live").size
    const ids = new Set<string>()
    let sentAt: number | undefined
    for (let offset = 0; offset < total; offset += 100) {
      const page = await readMembers({ ...plain, listId, offset }, signal)
      expect(page.totalItems).toBe(total)
      for (let row = 0; row < page.length; row += 1) ids.add(page.id(row) ?? "")
      sentAt = page.sentAt.latest
    }
    expect(ids.size).toBe(total)
    expect(sentAt).toBeGreaterThan(Date.now() / 1000 - 60)
    const error = await readMembers({ ...plain, listId: "ffffffffff" }, signal).catch(
      (error: unknown) => error,
    )
    expect(error).toMatchObject({
      code: "list_not_found",
      detail: "Cannot read the members because Mailchimp knows no such list: list ffffffffff",
    })
  } finally {
    await running.stop()
  }
})
