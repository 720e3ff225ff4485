import { describe, expect, test } from "bun:test"
import { createMailchimpClient } from "../../../src/mailchimp/client.ts"
import { readInterestCategories } from "../../../src/mailchimp/lists/interest-categories.ts"
import { createFixedAllowance } from "../../../src/mailchimp/limiter/allowance.ts"
import { createLimiters } from "../../../src/mailchimp/limiter/limiters.ts"
import type { Fetch } from "../../../src/lib/fetch.ts"
import { startSandbox } from "../../../src/sandbox/serve.ts"
import { createVirtualClock } from "../../support/virtual-clock.ts"

const { signal } = new AbortController()
const listId = "a1b2c3d4e5"

function setUp(fetchLike: Fetch, apiUrl = "https://us1.test/3.0") {
  const clock = createVirtualClock()
  const limiters = createLimiters({
    allowanceOf: () => createFixedAllowance({ ratePerSecond: 10_000 }),
    clock,
  })
  const client = createMailchimpClient({
    accessToken: "abc",
    dc: "us19",
    apiUrl,
    flow: limiters.join({ dc: "us19", userId: "1" }),
    fetch: clock.watch(fetchLike),
    clock,
    random: () => 0.5,
  })
  const read = (deadlineMs?: number) =>
    clock.settle(readInterestCategories(client, listId, { signal, deadlineMs }))
  return { read, clock }
}

const notFound = () => Response.json({ title: "Resource Not Found", status: 404 }, { status: 404 })

describe("readInterestCategories()", () => {
  test("reads every category with its interests, page after page", async () => {
    const interestCategories = Array.from({ length: 4 }, (_, category) => ({
      title: `Category ${category}`,
      interests: Array.from({ length: 30 }, (_, index) => ({ name: `Interest ${category} ${index}` })),
    }))
    const running = startSandbox({
      accounts: [{ tokens: ["abc"], lists: [{ name: "News", id: listId, interestCategories }] }],
    })
    try {
      // Pages of more than 20 fail, so each category takes several requests.
      running.sandbox.faults.add({
        match: { countAbove: 20, path: "interest" },
        action: { kind: "problem", problem: "internal_server_error" },
        times: Infinity,
      })
      const categories = await setUp((url, init) => fetch(url, init), `${running.url}/3.0`).read()
      const [list] = running.sandbox.state.accounts[0]?.lists ?? []
      expect(categories).toEqual(
        (list?.interestCategories ?? []).map(({ id, title, interests }) => ({
          id,
          title,
          interests: [...interests],
        })),
      )
    } finally {
      await running.stop()
    }
  })

  test("reads the categories concurrently", async () => {
    const both = Promise.withResolvers<void>()
    let waiting = 0
    const { read } = setUp(async (url) => {
      if (!url.includes("/interests"))
        return Response.json({ categories: [{ id: "c1" }, { id: "c2" }], total_items: 2 })
      waiting += 1
      if (waiting === 2) both.resolve()
      await both.promise
      return Response.json({ interests: [{ id: "i", name: "I" }], total_items: 1 })
    })
    expect((await read()).map(({ id }) => id)).toEqual(["c1", "c2"])
  })

  test("a malformed entry hides no other, and an invalid id never becomes part of a path", async () => {
    const requested: string[] = []
    const { read } = setUp(async (url) => {
      requested.push(new URL(url).pathname)
      return url.includes("/interests")
        ? Response.json({ interests: [null, { id: "i1", name: null }, { name: "no id" }], total_items: 3 })
        : Response.json({
            categories: [{ id: "../../x" }, { title: "no id" }, null, { id: "c1", title: 5 }],
            total_items: 4,
          })
    })
    expect(await read()).toEqual([{ id: "c1", title: "", interests: [{ id: "i1", name: "" }] }])
    const categories = `/3.0/lists/${listId}/interest-categories`
    expect([...new Set(requested)]).toEqual([categories, `${categories}/c1/interests`])
  })

  test("a list without categories has none, also if the response lacks the array", async () => {
    expect(await setUp(async () => Response.json({ total_items: 0 })).read()).toEqual([])
  })

  test("a category that was deleted meanwhile has no interests; a list that is not found is an error", async () => {
    const deleted = setUp(async (url) =>
      url.includes("/interests")
        ? url.includes("c1")
          ? notFound()
          : Response.json({ interests: [{ id: "i2", name: "Tea" }], total_items: 1 })
        : Response.json({
            categories: [
              { id: "c1", title: "Topics" },
              { id: "c2", title: "Drinks" },
            ],
            total_items: 2,
          }),
    )
    expect(await deleted.read()).toEqual([
      { id: "c1", title: "Topics", interests: [] },
      { id: "c2", title: "Drinks", interests: [{ id: "i2", name: "Tea" }] },
    ])
    const error = await setUp(async () => notFound())
      .read()
      .catch((error: unknown) => error)
    expect(error).toMatchObject({
      code: "list_not_found",
      message: `Cannot read the interest categories because Mailchimp knows no such list: list ${listId}`,
    })
  })

  test("all requests share one deadline", async () => {
    const { read, clock } = setUp(async (url) => {
      if (url.includes("/interests")) return new Response("", { status: 500 })
      await clock.advance(20_000)
      return Response.json({ categories: [{ id: "c1" }], total_items: 1 })
    })
    const startedMs = clock.monotonicMs()
    const error = await read(30_000).catch((error: unknown) => error)
    expect(error).toMatchObject({ code: "mailchimp_error", upstream: { status: 500 } })
    expect(clock.monotonicMs() - startedMs).toBeLessThanOrEqual(30_000)
  })
})
