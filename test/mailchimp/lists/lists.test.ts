import { describe, expect, test } from "bun:test"
import type { Fetch } from "../../../src/lib/fetch.ts"
import { createMailchimpClient, type MailchimpEvent } from "../../../src/mailchimp/client.ts"
import { createFixedAllowance } from "../../../src/mailchimp/limiter/allowance.ts"
import { createLimiter } from "../../../src/mailchimp/limiter/limiter.ts"
import { listLists, readList } from "../../../src/mailchimp/lists/lists.ts"
import { readMergeFields } from "../../../src/mailchimp/lists/merge-fields.ts"
import type { FaultAction } from "../../../src/sandbox/faults/fault-action.ts"
import { type RunningSandbox, startSandbox, type StartSandboxOptions } from "../../../src/sandbox/serve.ts"
import { createVirtualClock } from "../../support/virtual-clock.ts"

const { signal } = new AbortController()

function setUp(fetch: Fetch, apiUrl = "https://{dc}.api.mailchimp.com/3.0") {
  const clock = createVirtualClock()
  const events: MailchimpEvent[] = []
  const limiter = createLimiter({ allowance: createFixedAllowance({ ratePerSecond: 1000 }), clock })
  const client = createMailchimpClient({
    accessToken: "abc",
    dc: "us1",
    apiUrl,
    flow: limiter.join(),
    fetch: clock.watch(fetch),
    clock,
    random: () => 0.5,
    onEvent: (event) => void events.push(event),
  })
  const differences = () => events.filter(({ type }) => type === "count_differs")
  return { client, clock, differences }
}

/** An account whose lists change between requests, on a server that returns a limited number at once. */
function createAccount(ids: readonly string[], atOnce: number) {
  let lists = [...ids]
  const changes: (() => void)[] = []
  const queries: URLSearchParams[] = []
  const fetch: Fetch = async (url) => {
    const query = new URL(url).searchParams
    if (queries.push(query) > 1) changes.shift()?.()
    const offset = Number(query.get("offset"))
    const page = lists.slice(offset, offset + Math.min(atOnce, Number(query.get("count"))))
    return Response.json({ lists: page.map((id) => ({ id, name: `List ${id}` })), total_items: lists.length })
  }
  const remove = (id: string) => changes.push(() => (lists = lists.filter((list) => list !== id)))
  const add = (id: string) => changes.push(() => lists.push(id))
  return { fetch, queries, remove, add }
}

async function listIds(fetch: Fetch) {
  const { client, clock } = setUp(fetch)
  const lists = await clock.settle(Array.fromAsync(listLists(client, { signal })))
  return lists.map(({ id }) => id)
}

describe("listLists()", () => {
  test("makes one request for an account with few lists, and only for the fields that are used", async () => {
    const { fetch, queries } = createAccount(["a", "b"], 1000)
    expect(await listIds(fetch)).toEqual(["a", "b"])
    expect(queries.map((query) => Object.fromEntries(query))).toEqual([
      {
        count: "1000",
        offset: "0",
        sort_field: "date_created",
        sort_dir: "ASC",
        fields:
          "lists.id,lists.web_id,lists.name,lists.stats.member_count,lists.stats.unsubscribe_count,lists.stats.cleaned_count,total_items",
      },
    ])
  })

  test("requests a page only when a list of it is wanted", async () => {
    const { fetch, queries } = createAccount(["a", "b", "c", "d", "e"], 3)
    const { client, clock } = setUp(fetch)
    const lists = listLists(client, { signal })
    for (const id of ["a", "b", "c"]) expect((await clock.settle(lists.next())).value).toMatchObject({ id })
    expect(queries).toHaveLength(1)
    expect((await clock.settle(lists.next())).value).toMatchObject({ id: "d" })
    expect(queries[1]?.get("offset")).toBe("2")
  })

  test("a list that is deleted meanwhile hides no other", async () => {
    const { fetch, remove } = createAccount(["a", "b", "c", "d", "e", "f"], 3)
    remove("b")
    expect(await listIds(fetch)).toEqual(["a", "b", "c", "d", "e", "f"])
  })

  test("neither do several lists, deleted exactly where the next page begins", async () => {
    const { fetch, remove } = createAccount(["a", "b", "c", "d", "e", "f", "g", "h"], 3)
    remove("c")
    remove("d")
    expect((await listIds(fetch)).filter((id) => !"cd".includes(id))).toEqual(["a", "b", "e", "f", "g", "h"])
  })

  test("lists that are deleted in each of three walks, after pages that were seen before, hide no other", async () => {
    const ids = Array.from({ length: 12 }, (_, index) => `l${index}`)
    const { fetch, remove } = createAccount(ids, 4)
    const none = () => remove("none")
    // In each walk, the third page does not begin with the last list of the second page.
    for (const id of ["l1", "l2", "l3"]) for (const change of [none, () => remove(id), none]) change()
    const found = await listIds(fetch)
    expect(ids.filter((id) => !found.includes(id))).toEqual([])
  })

  test("a list that is created meanwhile is read, too", async () => {
    const { fetch, add } = createAccount(["a", "b", "c", "d"], 3)
    add("e")
    expect(await listIds(fetch)).toEqual(["a", "b", "c", "d", "e"])
  })

  test("an account without lists has none", async () => {
    expect(await listIds(createAccount([], 1000).fetch)).toEqual([])
  })

  test("lists that keep changing are an error in the end, not a loop", async () => {
    let turn = 0
    const { client, clock } = setUp(async () => {
      turn += 1
      return Response.json({ lists: [{ id: `a${turn}` }, { id: `b${turn}` }], total_items: 9 })
    })
    const result = Array.fromAsync(listLists(client, { signal })).catch((error: unknown) => error)
    expect(await clock.settle(result)).toMatchObject({ code: "mailchimp_error" })
  })

  test.each([
    ["is empty although there are more lists", { lists: [], total_items: 3 }],
    ["has no total", { lists: [] }],
    ["has no lists, and a total", { total_items: 2 }],
    ["has lists of another type", { lists: "none", total_items: 2 }],
  ])("a response that %s causes retries, and then an error", async (_name, body) => {
    const { client, clock } = setUp(async () => Response.json(body))
    const result = Array.fromAsync(listLists(client, { signal, deadlineMs: 30_000 }))
    expect(await clock.settle(result.catch((error: unknown) => error))).toMatchObject({
      kind: "unusable_response",
      detail: "Cannot read the lists because Mailchimp's response is not usable",
    })
  })
})

/** A sandbox with the given lists, and what a client of it has read, requested and reported. */
async function withSandbox<T>(
  options: StartSandboxOptions & { lists: number },
  work: (world: ReturnType<typeof setUp> & { running: RunningSandbox; ids: string[] }) => Promise<T>,
): Promise<T> {
  const { lists, ...more } = options
  const seeds = Array.from({ length: lists }, (_, index) => ({ name: `List ${index}` }))
  const running = startSandbox({
    accounts: [{ tokens: ["abc"], lists: seeds, ...more.accounts?.[0] }],
    ...more,
  })
  try {
    const ids = running.sandbox.state.accounts[0]?.lists.map(({ id }) => id) ?? []
    return await work({ ...setUp((url, init) => fetch(url, init), `${running.url}/3.0`), running, ids })
  } finally {
    await running.stop()
  }
}

const countsOf = ({ sandbox }: RunningSandbox) =>
  sandbox.traffic.log.map(({ query }) => Number(new URLSearchParams(query).get("count")))

describe("listLists(), if Mailchimp fails on large pages", () => {
  const forms: [string, FaultAction, number][] = [
    ["a problem with status 504", { kind: "problem", problem: "gateway_timeout" }, 4],
    ["a problem with status 503", { kind: "problem", problem: "service_unavailable" }, 4],
    ["a problem with status 500", { kind: "problem", problem: "internal_server_error" }, 5],
    ["HTML with status 502", { kind: "html", status: 502 }, 5],
    ["JSON that ends early", { kind: "bad_json", keep: 0.5 }, 5],
    ["a connection that is reset", { kind: "reset" }, 5],
    ["a body of 10 MB", { kind: "bomb", bytes: 10e6, parts: 1, plain: false, chunked: false }, 4],
  ]
  test.each(forms)(
    "all 139 lists are read, despite %s for more than 100",
    async (_name, action, failures) => {
      await withSandbox({ lists: 139 }, async ({ client, clock, running, ids }) => {
        running.sandbox.faults.add({ match: { countAbove: 100 }, action, times: Infinity })
        const lists = await clock.settle(Array.fromAsync(listLists(client, { signal, deadlineMs: 30_000 })))
        expect(lists.map(({ id }) => id)).toEqual(ids)
        const counts = countsOf(running)
        expect(counts.filter((count) => count > 100)).toHaveLength(failures)
        // 139 lists in pages of 62 that overlap by one.
        expect(counts.filter((count) => count <= 100)).toEqual([62, 62, 62])
        expect(clock.monotonicMs()).toBeLessThan(8000)
        // The next reading begins with the size that this one has learned.
        running.sandbox.traffic.reset()
        await clock.settle(Array.fromAsync(listLists(client, { signal })))
        expect(countsOf(running)).toEqual([62, 62, 62])
      })
    },
  )

  test("all merge fields are read, too", async () => {
    const mergeFields = Array.from({ length: 50 }, (_, index) => ({
      tag: `F${index}`,
      name: "",
      type: "text",
    }))
    const accounts = [{ tokens: ["abc"], lists: [{ name: "News", id: "a1b2c3d4e5", mergeFields }] }]
    await withSandbox({ lists: 0, accounts }, async ({ client, clock, running }) => {
      running.sandbox.faults.add({
        match: { countAbove: 20, path: "merge-fields" },
        action: { kind: "problem", problem: "internal_server_error" },
        times: Infinity,
      })
      const fields = await clock.settle(readMergeFields(client, "a1b2c3d4e5", { signal, deadlineMs: 30_000 }))
      expect(fields.map(({ tag }) => tag)).toEqual(mergeFields.map(({ tag }) => tag))
    })
  })
})

describe("listLists(), if Mailchimp's count of the lists is wrong", () => {
  test.each([
    [3, 1, 4],
    [3, 5, 4],
    [1, 1, 4],
    [139, 1, 4],
    [3, -1, 1],
    [3, -3, 1],
    [1, -1, 1],
    [1000, 0, 2],
    [1500, -700, 2],
    [1500, -1500, 2],
    [2500, 1, 6],
  ])(
    "all of %d lists are read despite a count that is off by %d, in %d requests",
    async (size, off, requests) => {
      await withSandbox(
        { lists: size, listsTotalOff: off },
        async ({ client, clock, running, ids, differences }) => {
          const lists = await clock.settle(Array.fromAsync(listLists(client, { signal, deadlineMs: 30_000 })))
          expect(lists.map(({ id }) => id)).toEqual(ids)
          expect(running.sandbox.traffic.total).toBe(requests)
          expect(clock.monotonicMs()).toBeLessThan(1500)
          const difference = {
            type: "count_differs",
            action: "read the lists",
            items: size,
            totalItems: size + off,
          }
          expect(differences()).toMatchObject(off === 0 ? [] : [difference])
        },
      )
    },
  )

  test.each([0, 1])(
    "a later page with only %d lists, twice, is retried instead of taken for the end",
    async (rows) => {
      const { fetch } = createAccount(["a", "b", "c", "d", "e"], 3)
      let shortPages = 2
      const lists = await listIds(async (url, init) => {
        const response = await fetch(url, init)
        if (!url.includes("offset=2") || shortPages === 0) return response
        shortPages -= 1
        return Response.json({ lists: [{ id: "c" }].slice(0, rows), total_items: 5 })
      })
      expect(lists).toEqual(["a", "b", "c", "d", "e"])
      expect(shortPages).toBe(0)
    },
  )

  test("all lists are read from a server that returns one at a time", async () => {
    expect(await listIds(createAccount(["a", "b", "c"], 1).fetch)).toEqual(["a", "b", "c"])
  })

  test("no lists, although the count says otherwise, are an error, not an empty account", async () => {
    const { client, clock } = setUp(async () => Response.json({ lists: [], total_items: 1 }))
    const result = Array.fromAsync(listLists(client, { signal, deadlineMs: 30_000 }))
    expect(await clock.settle(result.catch((error: unknown) => error))).toMatchObject({
      kind: "unusable_response",
    })
  })

  test("a response without the array, with a count of zero, is an account without lists", async () => {
    expect(await listIds(async () => Response.json({ total_items: 0 }))).toEqual([])
  })
})

describe("listLists(), if it never ends", () => {
  test("pages that repeat the first lists are the end", async () => {
    await withSandbox(
      { lists: 3, endlessLists: "repeated" },
      async ({ client, clock, running, ids, differences }) => {
        const lists = await clock.settle(Array.fromAsync(listLists(client, { signal, deadlineMs: 30_000 })))
        expect(lists.map(({ id }) => id)).toEqual(ids)
        expect(running.sandbox.traffic.total).toBeLessThanOrEqual(4)
        expect(differences()).toHaveLength(1)
      },
    )
  })

  test.each([
    ["the first page for any offset", [["a", "b", "c"]]],
    [
      "the second page for any later offset",
      [
        ["a", "b", "c"],
        ["c", "d", "e"],
      ],
    ],
  ])("a server that returns %s has no more lists", async (_name, pages) => {
    let requests = 0
    const { client, clock, differences } = setUp(async () => {
      const page = pages[Math.min(requests, pages.length - 1)] ?? []
      requests += 1
      return Response.json({ lists: page.map((id) => ({ id })), total_items: 9 + requests })
    })
    const lists = await clock.settle(Array.fromAsync(listLists(client, { signal })))
    expect(lists.map(({ id }) => id)).toEqual([...new Set(pages.flat())])
    expect(requests).toBe(pages.length + 1)
    expect(differences()).toHaveLength(1)
  })

  test("pages of new lists are an error after a hundred thousand", async () => {
    let requests = 0
    const { client, clock } = setUp(async (url) => {
      requests += 1
      const offset = Number(new URL(url).searchParams.get("offset"))
      const lists = Array.from({ length: 1000 }, (_, index) => ({ id: `a${offset + index}` }))
      return Response.json({ lists, total_items: offset + 5000 })
    })
    const result = Array.fromAsync(listLists(client, { signal }))
    expect(await clock.settle(result.catch((error: unknown) => error))).toMatchObject({
      kind: "unusable_response",
      code: "mailchimp_error",
    })
    expect(requests).toBeLessThanOrEqual(102)
  })

  test("one deadline applies to all pages: requests begin only before it", async () => {
    let requests = 0
    const { client, clock } = setUp(async (url): Promise<Response> => {
      requests += 1
      await clock.sleep(1000)
      const offset = Number(new URL(url).searchParams.get("offset"))
      return Response.json({
        lists: [{ id: `a${offset}` }, { id: `a${offset + 1}` }],
        total_items: offset + 9,
      })
    })
    const result = Array.fromAsync(listLists(client, { signal, deadlineMs: 30_000 }))
    const failure = result.catch((error: unknown) => error)
    for (let second = 0; second < 120; second += 1) await clock.advance(1000)
    const error = await failure
    expect(error).toMatchObject({ code: "mailchimp_timeout" })
    expect(requests).toBeLessThanOrEqual(31)
  })

  test("failures count against the same deadline", async () => {
    let requests = 0
    const { client, clock } = setUp(async (url) => {
      requests += 1
      const offset = Number(new URL(url).searchParams.get("offset"))
      if (requests % 3 !== 0) return new Response("", { status: 500 })
      return Response.json({
        lists: [{ id: `a${offset}` }, { id: `a${offset + 1}` }],
        total_items: offset + 9,
      })
    })
    const result = Array.fromAsync(listLists(client, { signal, deadlineMs: 30_000 }))
    const error = await clock.settle(result.catch((error: unknown) => error))
    expect(error).toMatchObject({ code: "mailchimp_error" })
    expect(clock.monotonicMs()).toBeLessThanOrEqual(31_000)
  })
})

describe("listLists(), if an entry is not a list", () => {
  const good = {
    id: "b1b2c3d4e5",
    name: "Good",
    stats: { member_count: 3, unsubscribe_count: 2, cleaned_count: 1 },
  }
  const counted = { memberCount: 3, unsubscribeCount: 2, cleanedCount: 1 }
  const none = { memberCount: 0, unsubscribeCount: 0, cleanedCount: 0 }
  test.each<[string, unknown, { id: string; name: string }]>([
    ["an id with dots", { ...good, id: "a.b" }, { id: "a.b", name: "Good", ...counted }],
    ["an id with a slash", { ...good, id: "a/../b" }, { id: "a/../b", name: "Good", ...counted }],
    ["an empty id", { ...good, id: "" }, { id: "", name: "Good", ...counted }],
    [
      "an id of many characters",
      { ...good, id: "a".repeat(101) },
      { id: "a".repeat(101), name: "Good", ...counted },
    ],
    ["a number for an id", { ...good, id: 17 }, { id: "17", name: "Good", ...counted }],
    ["null for an id", { ...good, id: null }, { id: "null", name: "Good", ...counted }],
    ["an object for an id", { ...good, id: { a: 1 } }, { id: '{"a":1}', name: "Good", ...counted }],
    ["no id", { name: "Odd" }, { id: "", name: "Odd", ...none }],
    ["no name", { id: "c1", name: 5, stats: null }, { id: "c1", name: "", ...none }],
    [
      "counts that are none",
      { id: "c1", name: "Odd", stats: { member_count: "3" } },
      { id: "c1", name: "Odd", ...none },
    ],
    ["null", null, { id: "", name: "", ...none }],
    ["a string", "b", { id: "", name: "", ...none }],
  ])(
    "with %s, the entry has every field that can be read, and the others are unchanged",
    async (_name, entry, list) => {
      const after = { ...good, id: "d1" }
      const { client, clock } = setUp(async () =>
        Response.json({ lists: [good, entry, after], total_items: 3 }),
      )
      const lists = await clock.settle(Array.fromAsync(listLists(client, { signal })))
      expect(lists).toEqual([
        { id: good.id, name: "Good", ...counted },
        { ...none, ...list },
        { id: "d1", name: "Good", ...counted },
      ])
    },
  )

  test("several lists without an id stay several, and no request is made for their members", async () => {
    const oddLists = [
      { id: "", name: "A" },
      { id: "", name: "B" },
      { id: "a/b", name: "C" },
    ]
    const accounts = [{ tokens: ["abc"], lists: [{ name: "News", id: "a1b2c3d4e5" }], oddLists }]
    await withSandbox({ lists: 0, accounts }, async ({ client, clock, running }) => {
      const lists = await clock.settle(Array.fromAsync(listLists(client, { signal })))
      expect(lists.map(({ id, name }) => [id, name])).toEqual([
        ["a1b2c3d4e5", "News"],
        ["", "A"],
        ["", "B"],
        ["a/b", "C"],
      ])
      for (const { id } of lists.slice(1)) {
        const error = await readList(client, id, { signal }).catch((error: unknown) => error)
        expect(error).toMatchObject({ code: "list_not_found" })
      }
      expect(running.sandbox.traffic.total).toBe(1)
    })
  })

  test("a merge field without a tag hides no other", async () => {
    const body = {
      merge_fields: [
        { tag: "A", name: "a", type: "text" },
        { name: "no tag" },
        null,
        { tag: "B", name: null, type: 3 },
      ],
      total_items: 4,
    }
    const { client, clock } = setUp(async () => Response.json(body))
    expect(await clock.settle(readMergeFields(client, "a1", { signal }))).toEqual([
      { tag: "A", name: "a", type: "text" },
      { tag: "B", name: "", type: "" },
    ])
  })
})

describe("lists of the sandbox", () => {
  test("are read with their counts and merge fields; the error for a missing list names it", async () => {
    const running = startSandbox({
      accounts: [
        {
          tokens: ["abc"],
          lists: [
            {
              name: "News",
              id: "a1b2c3d4e5",
              count: 40,
              mergeFields: [{ tag: "AGE", name: "Age", type: "number" }],
            },
            { name: "Empty", id: "b1b2c3d4e5", count: 0 },
          ],
        },
      ],
    })
    try {
      const { client } = setUp((url, init) => fetch(url, init), `${running.url}/3.0`)
      const lists = await Array.fromAsync(listLists(client, { signal }))
      expect(lists.map(({ id, name }) => [id, name])).toEqual([
        ["a1b2c3d4e5", "News"],
        ["b1b2c3d4e5", "Empty"],
      ])
      expect(lists[0]?.memberCount).toBeGreaterThan(0)
      expect(await readList(client, "a1b2c3d4e5", { signal })).toEqual(lists[0]!)
      expect(await readMergeFields(client, "a1b2c3d4e5", { signal })).toEqual([
        { tag: "AGE", name: "Age", type: "number" },
      ])
      for (const read of [readList, readMergeFields]) {
        const error = await read(client, "ffffffffff", { signal }).catch((error: unknown) => error)
        expect(error).toMatchObject({ code: "list_not_found", upstream: { title: "Resource Not Found" } })
        expect(String(error)).toContain("list ffffffffff")
      }
    } finally {
      await running.stop()
    }
  })
})
