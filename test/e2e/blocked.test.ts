import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test"
import { connectAccount } from "../support/service.ts"
import {
  differenceOf,
  noDifference,
  startSandboxAndService,
  type SandboxAndService,
} from "../support/sandbox-and-service.ts"

/** The pages that the edge in front of Mailchimp sends when it blocks a server's address. */
const pages = [
  [
    "Akamai's 403",
    { kind: "html", status: 403, page: "akamai", retryAfter: "3600" },
    { status: 403, title: "Access Denied", instance: "18.2d351ab8.1557333295.a4e16ab" },
  ],
  [
    "Cloudflare's 503",
    { kind: "html", status: 503, page: "cloudflare", retryAfter: "3600" },
    { status: 503, title: "Attention Required! | Cloudflare", instance: "7d3f1a2b4c5d6e7f" },
  ],
] as const

let world: SandboxAndService
const start = async () => {
  world = await startSandboxAndService({
    lists: [
      { name: "First", count: 400 },
      { name: "Second", count: 400 },
    ],
    env: { MAILCHIMP_RETRY_S: "2" },
  })
}
const stop = () => world[Symbol.asyncDispose]()
const problemOf = async (path: string) => {
  const response = await world.get(path)
  return {
    status: response.status,
    retryAfter: response.headers.get("retry-after"),
    ...JSON.parse(await response.text()),
  }
}

describe("a persistent block", () => {
  // A separate service for each test, because a block pauses the account's requests.
  afterEach(stop)

  test.each(pages)(
    "has its own code, with the title and reference of the page: %s",
    async (_, action, upstream) => {
      for (const path of ["/lists", "/export", "/export?count=3", "/export/:id"]) {
        await start()
        world.sandbox.faults.add({ match: { path: "/lists" }, action, times: Infinity })
        expect(await problemOf(path.replace(":id", world.listIds[0] ?? ""))).toMatchObject({
          status: 502,
          code: "mailchimp_blocked",
          detail: expect.stringContaining("its IP address may be blocked"),
          upstream,
          retryAfter: null,
        })
        if (path !== "/export/:id") await stop()
      }
    },
  )

  test.each([
    ["Akamai's 403", { kind: "html", status: 403, page: "akamai" }],
    ["Imperva's 200", { kind: "html", status: 200, page: "imperva" }],
  ] as const)("of one list ends the whole export, because it is about this server: %s", async (_, action) => {
    await start()
    const [first = ""] = world.listIds
    world.sandbox.faults.add({ match: { listId: first, path: "/members" }, action, skip: 1, times: Infinity })
    const { ofKind, isBroken } = await world.receive("/export?events=true")
    expect(ofKind("error")).toMatchObject([
      { code: "mailchimp_blocked", retryable: true, cursor: expect.any(String) },
    ])
    expect(ofKind("list_error")).toEqual([])
    expect(isBroken).toBe(true)
  })
})

describe("a block of a few seconds is retried until it ends", () => {
  beforeAll(start)
  afterAll(stop)

  test.each([
    ["Akamai's 403", { kind: "html", status: 403, page: "akamai" }],
    ["Cloudflare's 503", { kind: "html", status: 503, page: "cloudflare" }],
    ["Imperva's 200", { kind: "html", status: 200, page: "imperva" }],
  ] as const)("%s, in mid-export", async (_, action) => {
    const fault = world.sandbox.faults.add({ match: { path: "/members" }, action, skip: 3, times: 2 })
    const { rows, ofKind } = await world.receive("/export?events=true")
    expect(ofKind("end")).toMatchObject([{ status: "complete" }])
    expect(differenceOf(rows, world.liveRows())).toEqual(noDifference)
    expect(fault.played).toBe(2)
  })

  test("a blocked login redirects with exchange_failed, and the log has the page's title", async () => {
    world.sandbox.faults.add({
      match: { path: "/token" },
      action: { kind: "html", status: 403, page: "akamai" },
    })
    await expect(connectAccount(world.service)).rejects.toThrow("reason=exchange_failed")
    const line = world.service.log.findLast((line) => line.includes("login failed"))
    expect(JSON.parse(line ?? "{}")).toMatchObject({ upstream_status: 403, upstream_title: "Access Denied" })
  })
})
