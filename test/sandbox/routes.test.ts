import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { createHmac } from "node:crypto"
import { otherListParams } from "../../src/sandbox/api/list-routes.ts"
import { startSandbox, type RunningSandbox } from "../../src/sandbox/serve.ts"

const redirectUri = "http://127.0.0.1:9/callback"
const secret = { client_id: "app", client_secret: "s3cret" }

let running: RunningSandbox
let receiver: ReturnType<typeof Bun.serve>
const received: { signature: string | null; body: string }[] = []
const hit = new Set<string>()

beforeAll(() => {
  running = startSandbox({
    gzip: false,
    clients: [{ clientId: "app", clientSecret: "s3cret", redirectUri }],
    accounts: [
      {
        userId: 1,
        dc: "us19",
        accountName: "One",
        tokens: ["t1"],
        lists: [
          {
            id: "aaaaaaaaaa",
            name: "A",
            count: 40,
            interestCategories: [
              { id: "c1", title: "Topics", interests: [{ name: "Tea" }, { name: "Jam" }] },
            ],
          },
        ],
      },
      {
        userId: 2,
        dc: "us3",
        accountName: "Two",
        tokens: ["t2"],
        signsWebhooks: true,
        lists: [{ id: "bbbbbbbbbb", name: "B", count: 5 }],
      },
    ],
  })
  receiver = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      if (request.method === "POST") {
        received.push({
          signature: request.headers.get("x-mailchimp-signature"),
          body: await request.text(),
        })
      }
      return new Response("", { status: new URL(request.url).pathname === "/missing" ? 404 : 200 })
    },
  })
})

afterAll(async () => {
  await running.stop()
  await receiver.stop(true)
})

type Init = { body?: string; headers?: Record<string, string> }

/** Sends a request to the running sandbox and records which of its routes responded. */
async function send(method: string, path: string, init: Init = {}, token = "t1"): Promise<Response> {
  const { pathname } = new URL(path, running.url)
  for (const route of running.sandbox.routes) {
    if (route.method === method && toPattern(route.path).test(pathname))
      hit.add(`${route.method} ${route.path}`)
  }
  const headers = { authorization: `Bearer ${token}`, ...init.headers }
  return fetch(`${running.url}${path}`, { redirect: "manual", ...init, method, headers })
}

function toPattern(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(/:\w+\{([^}]+)\}/g, "$1").replaceAll(/:\w+/g, "[^/]+")}/?$`)
}

/** JSON of no particular type. */
const readJson = async (response: Response) => JSON.parse(await response.text())

const form = (fields: Record<string, string>): Init => ({
  body: new URLSearchParams(fields).toString(),
  headers: { "content-type": "application/x-www-form-urlencoded" },
})

const authorize = (more: Record<string, string> = {}) =>
  `/oauth2/authorize?${new URLSearchParams({ response_type: "code", client_id: "app", redirect_uri: redirectUri, state: "x y", ...more })}`

const codeOf = (response: Response) =>
  new URL(response.headers.get("location") ?? "").searchParams.get("code") ?? ""

const exchange = (code: string, more: Record<string, string> = {}) =>
  send(
    "POST",
    "/oauth2/token",
    form({ grant_type: "authorization_code", ...secret, redirect_uri: redirectUri, code, ...more }),
  )

describe("OAuth", () => {
  test("a person who approves brings back a code that becomes a token of the account they chose", async () => {
    const page = await send("GET", authorize())
    expect(page.status).toBe(200)
    const html = await page.text()
    expect(html).toContain("Approve")
    expect(html).toContain('value="x y"')

    const consent = await send(
      "POST",
      "/oauth2/authorize",
      form({ ...paramsOf(authorize()), decision: "approve", account: "2" }),
    )
    expect(consent.status).toBe(302)
    expect(new URL(consent.headers.get("location") ?? "").searchParams.get("state")).toBe("x y")

    const token = await exchange(codeOf(consent))
    expect(token.status).toBe(200)
    const body = await readJson(token)
    expect(body).toEqual({
      access_token: expect.stringMatching(/^[0-9a-f]{32}$/),
      expires_in: 0,
      scope: null,
    })

    for (const scheme of ["OAuth", "Bearer"]) {
      const metadata = await send("GET", "/oauth2/metadata", {
        headers: { authorization: `${scheme} ${body.access_token}` },
      })
      expect(await metadata.json()).toMatchObject({ dc: "us3", user_id: 2, accountname: "Two" })
    }
  })

  test("metadata responds to a bad token with 200 and an error", async () => {
    const metadata = await send("GET", "/oauth2/metadata", {}, "nonsense")
    expect(metadata.status).toBe(200)
    expect(await metadata.json()).toMatchObject({ error: "invalid_token" })
  })

  test("a person who denies is redirected with access_denied and the state", async () => {
    const denied = await send(
      "POST",
      "/oauth2/authorize",
      form({ ...paramsOf(authorize()), decision: "deny" }),
    )
    const { searchParams } = new URL(denied.headers.get("location") ?? "")
    expect(searchParams.get("error")).toBe("access_denied")
    expect(searchParams.get("state")).toBe("x y")
    expect(searchParams.has("code")).toBe(false)
  })

  test("an unregistered redirect URI, or an unknown app, is never redirected to", async () => {
    for (const more of [{ redirect_uri: `${redirectUri}/` }, { client_id: "other" }]) {
      running.sandbox.settings.decision = "approve"
      const refused = await send("GET", authorize(more))
      running.sandbox.settings.decision = "ask"
      expect(refused.status).toBe(400)
      expect(refused.headers.has("location")).toBe(false)
    }
  })

  test("a code works once, and only if every field is right", async () => {
    running.sandbox.settings.decision = "approve"
    const approve = async () => codeOf(await send("GET", authorize()))
    for (const wrong of [
      { client_secret: "wrong" },
      { redirect_uri: "http://127.0.0.1:9/other" },
      { grant_type: "password" },
      { code: "" },
    ]) {
      expect((await exchange(await approve(), wrong)).status).toBe(400)
    }
    const code = await approve()
    expect((await exchange(code)).status).toBe(200)
    expect(await (await exchange(code)).json()).toMatchObject({ error: "invalid_grant" })
    const asJson = await send("POST", "/oauth2/token", { body: JSON.stringify({ ...secret, code }) })
    expect(asJson.status).toBe(400)
    running.sandbox.settings.decision = "ask"
  })
})

const titleOf = async (path: string, token: string) => {
  const response = await send("GET", path, {}, token)
  expect(response.headers.get("content-type")).toContain("application/problem+json")
  const body: { status: number; title: string } = await readJson(response)
  expect(body).toMatchObject({
    type: expect.any(String),
    detail: expect.any(String),
    instance: expect.any(String),
  })
  return `${response.status} ${body.status} ${body.title}`
}

describe("the API", () => {
  test.each(["/3.0", "/us19/3.0"])("%s has the account's lists and their members", async (api) => {
    const lists = await (await send("GET", `${api}/lists`)).json()
    expect(lists).toMatchObject({ total_items: 1, lists: [{ id: "aaaaaaaaaa" }] })
    expect(await (await send("GET", `${api}/lists/aaaaaaaaaa`)).json()).toMatchObject({ name: "A" })
    const fields = await send("GET", `${api}/lists/aaaaaaaaaa/merge-fields?count=2&offset=1`)
    expect(await fields.json()).toMatchObject({
      merge_fields: [{ tag: "LNAME" }, { tag: "ADDRESS" }],
      total_items: 6,
    })
    const topics = `${api}/lists/aaaaaaaaaa/interest-categories`
    expect(await (await send("GET", topics)).json()).toMatchObject({
      categories: [{ id: "c1", title: "Topics", type: "checkboxes", list_id: "aaaaaaaaaa" }],
      total_items: 1,
    })
    expect(await (await send("GET", `${topics}/c1/interests?count=1&offset=1`)).json()).toMatchObject({
      interests: [{ name: "Jam", category_id: "c1", list_id: "aaaaaaaaaa", subscriber_count: "0" }],
      total_items: 2,
    })
    expect((await send("GET", `${topics}?count=1001`)).status).toBe(200)
    expect((await send("GET", `${topics}/c2/interests`)).status).toBe(404)
    const members = await send("GET", `${api}/lists/aaaaaaaaaa/members?count=3`)
    const page: { members: { id: string; email_address: string }[] } = await readJson(members)
    expect(page.members).toHaveLength(3)
    const one = await send("GET", `${api}/lists/aaaaaaaaaa/members/${page.members[0]!.id}`)
    expect(await one.json()).toEqual(page.members[0]!)
  })

  test("lists are paged and reduced to fields", async () => {
    expect(await readJson(await send("GET", "/3.0/lists?fields=lists.id"))).toEqual({
      lists: [{ id: "aaaaaaaaaa" }],
    })
    expect(await readJson(await send("GET", "/3.0/lists?offset=1&fields=lists,total_items"))).toEqual({
      lists: [],
      total_items: 1,
    })
    expect((await send("GET", "/3.0/lists?count=x")).status).toBe(400)
    for (const param of otherListParams)
      expect((await send("GET", `/3.0/lists?${param}=true`)).status).toBe(400)
    expect((await send("GET", "/3.0/lists?fields=lists&exclude_fields=lists.id")).status).toBe(400)
  })

  test.each(["/3.0", "/us3/3.0"])(
    "%s saves, lists and deletes webhooks, and signs what they deliver",
    async (api) => {
      const hooks = `${api}/lists/bbbbbbbbbb/webhooks`
      const body = JSON.stringify({
        url: `${receiver.url}hook`,
        events: { subscribe: true, unsubscribe: true, profile: true, upemail: true },
        sources: { user: true, admin: true, api: true },
      })
      const saved = await send("POST", hooks, { body }, "t2")
      expect(saved.status).toBe(200)
      const { id, signing_secret }: { id: string; signing_secret: string } = await readJson(saved)
      expect((await send("POST", hooks, { body }, "t2")).status).toBe(400)
      const dead = JSON.stringify({ url: `${receiver.url}missing` })
      expect((await send("POST", hooks, { body: dead }, "t2")).status).toBe(400)
      expect((await send("POST", hooks, { body: "no JSON" }, "t2")).status).toBe(400)
      const listed = await (await send("GET", hooks, {}, "t2")).text()
      expect(JSON.parse(listed)).toMatchObject({ total_items: 1, webhooks: [{ id }] })
      expect(listed).not.toContain(signing_secret)
      expect(await (await send("GET", `${hooks}/${id}`, {}, "t2")).json()).toMatchObject({ id })

      received.length = 0
      const member = running.sandbox.changes.addMember("bbbbbbbbbb")
      await running.sandbox.deliverer.settled()
      expect(received).toHaveLength(1)
      const { signature, body: delivered } = received[0]!
      const data = new URLSearchParams(delivered)
      expect(data.get("type")).toBe("subscribe")
      expect(data.get("data[email]")).toBe(member.email_address)
      expect(data.get("data[id]")).toBe(member.unique_email_id)
      expect(data.get("data[merges][EMAIL]")).toBe(member.email_address)
      expect(data.get("fired_at")).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/)
      const [, time, hmac] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature ?? "")!
      expect(createHmac("sha256", signing_secret).update(`${time}.${delivered}`).digest("hex")).toBe(hmac!)

      expect((await send("DELETE", `${hooks}/${id}`, {}, "t2")).status).toBe(204)
      expect((await send("DELETE", `${hooks}/${id}`, {}, "t2")).status).toBe(404)
      expect((await send("GET", `${hooks}/${id}`, {}, "t2")).status).toBe(404)
    },
  )

  test("unauthorized requests get Mailchimp's own errors", async () => {
    expect(await titleOf("/3.0/lists", "nonsense")).toBe("401 401 API Key Invalid")
    expect(await titleOf("/us3/3.0/lists", "t1")).toBe("403 403 Wrong Datacenter")
    running.sandbox.settings.wrongDataCenterWith = "api_key_invalid"
    expect(await titleOf("/us3/3.0/lists", "t1")).toBe("401 401 API Key Invalid")
    expect(await titleOf("/3.0/lists/bbbbbbbbbb/members", "t1")).toBe("404 404 Resource Not Found")
    expect(await titleOf("/3.0/nothing", "t1")).toBe("404 404 Resource Not Found")
  })
})

describe("the sandbox's own routes", () => {
  test("the page shows accounts and lists and loads nothing from elsewhere", async () => {
    const html = await (await send("GET", "/")).text()
    expect(html).toContain("aaaaaaaaaa")
    expect(html).not.toMatch(/(src|href)="?https?:/)
  })

  test("another process can change lists, read the truth and start over", async () => {
    const truth = async () =>
      (await (await send("GET", "/sandbox/lists/aaaaaaaaaa/truth")).text())
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))
    const before = await truth()
    expect(before).toHaveLength(40)
    const made = await send("POST", "/sandbox/lists/aaaaaaaaaa/changes", {
      body: '{"additions":3,"deletions":1}',
    })
    expect(await made.json()).toMatchObject({ additions: 3, deletions: 1, edits: 0 })
    expect(await truth()).toHaveLength(42)
    expect((await send("POST", "/sandbox/lists/zzz/changes", { body: "{}" })).status).toBe(404)
    expect((await send("POST", "/sandbox/lists/aaaaaaaaaa/changes", { body: '{"edits":-1}' })).status).toBe(
      400,
    )
    expect((await send("POST", "/sandbox/reset")).status).toBe(204)
    expect(await truth()).toEqual(before)
  })

  test("another process can set faults and churn", async () => {
    const fault = { match: { path: "/members" }, action: { kind: "html", status: 502 } }
    expect((await send("POST", "/sandbox/faults", { body: JSON.stringify(fault) })).status).toBe(201)
    expect((await send("POST", "/sandbox/faults", { body: '{"action":{"kind":"nope"}}' })).status).toBe(400)
    expect((await send("GET", "/3.0/lists/aaaaaaaaaa/members")).status).toBe(502)
    const faults = async () => (await readJson(await send("GET", "/sandbox/state"))).faults
    expect(await faults()).toMatchObject([{ matched: 1, played: 1 }])
    expect((await send("DELETE", "/sandbox/faults")).status).toBe(204)
    expect(await faults()).toEqual([])

    expect((await send("PUT", "/sandbox/churn", { body: '{"everyPage":{"additions":2}}' })).status).toBe(204)
    expect((await send("PUT", "/sandbox/churn", { body: "{}" })).status).toBe(400)
    await send("GET", "/3.0/lists/aaaaaaaaaa/members?count=1")
    expect((await send("DELETE", "/sandbox/churn")).status).toBe(204)
    await send("GET", "/3.0/lists/aaaaaaaaaa/members?count=1")
    expect(running.sandbox.churn.made.additions).toBe(2)
    const log: { path: string; fault?: string }[] = await readJson(await send("GET", "/sandbox/requests"))
    expect(log.map(({ path, fault }) => `${path} ${fault ?? ""}`)).toContain(
      "/3.0/lists/aaaaaaaaaa/members html",
    )
  })

  test("an account can be moved to another data center", async () => {
    expect((await send("GET", "/us8/3.0/lists")).status).toBe(403)
    running.sandbox.move(1, "us8")
    expect((await send("GET", "/us8/3.0/lists")).status).toBe(200)
    await send("POST", "/sandbox/reset")
    expect((await send("GET", "/us8/3.0/lists")).status).toBe(403)
  })

  test("another process can switch consent, disable a user and revoke tokens", async () => {
    await send("PUT", "/sandbox/settings", { body: '{"decision":"deny"}' })
    expect((await send("GET", authorize())).headers.get("location")).toContain("error=access_denied")
    await send("PUT", "/sandbox/settings", { body: '{"decision":"approve","consentingUserId":2}' })
    const token = await exchange(codeOf(await send("GET", authorize())))
    const { access_token }: { access_token: string } = await readJson(token)
    expect((await send("GET", "/us3/3.0/lists", {}, access_token)).status).toBe(200)
    expect((await send("PUT", "/sandbox/settings", { body: '{"nonsense":1}' })).status).toBe(400)
    const misbehaving = {
      dateOffsetMs: 5,
      sendsDate: false,
      surplusItems: 1,
      hiddenRows: [{ listId: "aaaaaaaaaa", memberId: "a", from: "ASC" }],
      omitsEmptyArrays: true,
    }
    const changed = await send("PUT", "/sandbox/settings", { body: JSON.stringify(misbehaving) })
    expect(await readJson(changed)).toMatchObject(misbehaving)

    await send("PUT", "/sandbox/accounts/1/disabled", { body: "true" })
    const disabled = await send("GET", "/3.0/lists")
    expect(`${disabled.status} ${(await readJson(disabled)).title}`).toBe("403 User Disabled")
    expect((await send("PUT", "/sandbox/accounts/1/disabled", { body: '"yes"' })).status).toBe(400)
    await send("PUT", "/sandbox/accounts/1/disabled", { body: "false" })
    expect((await send("POST", "/sandbox/accounts/1/revoke")).status).toBe(204)
    expect((await send("GET", "/3.0/lists")).status).toBe(401)
    expect(await (await send("GET", "/sandbox/state")).json()).toMatchObject({
      accounts: [{ user_id: 1, tokens: 0 }, { user_id: 2 }],
      settings: { decision: "approve" },
    })
    await send("POST", "/sandbox/reset")
    expect((await send("GET", "/3.0/lists")).status).toBe(200)
    expect(running.sandbox.settings.decision).toBe("ask")
  })
})

test("the tests of this file request every route of the sandbox", () => {
  const routes = running.sandbox.routes.map(({ method, path }) => `${method} ${path}`)
  expect(routes.length).toBeGreaterThan(30)
  expect(routes.filter((route) => !hit.has(route))).toEqual([])
})

function paramsOf(address: string): Record<string, string> {
  return Object.fromEntries(new URL(address, running.url).searchParams)
}
