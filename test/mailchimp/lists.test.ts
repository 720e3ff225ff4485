import { describe, expect, test } from "bun:test"
import type { Fetch } from "../../src/lib/fetch.ts"
import { createMailchimpClient } from "../../src/mailchimp/client.ts"
import { createLimiter } from "../../src/mailchimp/limiter.ts"
import { listLists, readList, readMergeFields } from "../../src/mailchimp/lists.ts"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"

const { signal } = new AbortController()

function setUp(fetch: Fetch, apiUrl = "https://{dc}.api.mailchimp.com/3.0") {
  const clock = createVirtualClock()
  const limiter = createLimiter({ clock, tokens: 1000 })
  const client = createMailchimpClient({
    accessToken: "abc",
    dc: "us1",
    apiUrl,
    party: limiter.join(),
    fetch: clock.watch(fetch),
    clock,
    random: () => 0.5,
  })
  return { client, clock }
}

/** An account whose lists change between two requests, at a server that gives so many at once at most. */
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
  test("asks once for an account with few lists, and only for what is used", async () => {
    const { fetch, queries } = createAccount(["a", "b"], 1000)
    expect(await listIds(fetch)).toEqual(["a", "b"])
    expect(queries.map((query) => Object.fromEntries(query))).toEqual([
      {
        count: "1000",
        offset: "0",
        sort_field: "date_created",
        sort_dir: "ASC",
        fields:
          "lists.id,lists.name,lists.stats.member_count,lists.stats.unsubscribe_count,lists.stats.cleaned_count,total_items",
      },
    ])
  })

  test("asks page by page, and not before a list of the next page is wanted", async () => {
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

  test("neither do many, at the very place where the next page begins", async () => {
    const { fetch, remove } = createAccount(["a", "b", "c", "d", "e", "f", "g", "h"], 3)
    remove("c")
    remove("d")
    expect((await listIds(fetch)).filter((id) => !"cd".includes(id))).toEqual(["a", "b", "e", "f", "g", "h"])
  })

  test("a list that is made meanwhile comes too", async () => {
    const { fetch, add } = createAccount(["a", "b", "c", "d"], 3)
    add("e")
    expect(await listIds(fetch)).toEqual(["a", "b", "c", "d", "e"])
  })

  test("an account without lists has none", async () => {
    expect(await listIds(createAccount([], 1000).fetch)).toEqual([])
  })

  test("lists that never stand still are an error in the end, not a loop", async () => {
    let turn = 0
    const { client, clock } = setUp(async () => {
      turn += 1
      return Response.json({ lists: [{ id: `a${turn}` }, { id: `b${turn}` }], total_items: 9 })
    })
    const result = Array.fromAsync(listLists(client, { signal })).catch((error: unknown) => error)
    expect(await clock.settle(result)).toMatchObject({ code: "mailchimp_error" })
  })

  test.each([
    ["brings nothing although there is more", { lists: [], total_items: 3 }],
    ["has no total", { lists: [] }],
    ["has lists without an id", { lists: [{ name: "x" }], total_items: 1 }],
  ])("an answer that %s is asked for again, and then an error", async (_name, body) => {
    const { client, clock } = setUp(async () => Response.json(body))
    const result = Array.fromAsync(listLists(client, { signal, deadlineMs: 30_000 }))
    expect(await clock.settle(result.catch((error: unknown) => error))).toMatchObject({
      kind: "unusable_answer",
      detail: "Cannot read the lists as Mailchimp's answer is not what it should be",
    })
  })
})

describe("lists of the sandbox", () => {
  test("are read as they are, each with its counts and merge fields; a missing one is named", async () => {
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
