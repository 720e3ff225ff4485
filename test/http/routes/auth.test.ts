import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test"
import { startSandbox } from "../../../src/sandbox/serve.ts"
import { createBrowser } from "../../support/browser.ts"
import { bearer, sandboxEnv, startService, type RunningService } from "../../support/service.ts"

const mailchimp = startSandbox({ decision: "approve" })
let service: RunningService
let uid: string
let headers: Record<string, string>

beforeAll(async () => {
  service = await startService(sandboxEnv(mailchimp))
})
afterAll(async () => {
  await service.stop()
  await mailchimp.stop()
})
beforeEach(async () => {
  mailchimp.sandbox.reset()
  uid = crypto.randomUUID()
  headers = await bearer(uid)
})

const forwardUrl = "https://app.example.com/done?tab=2"
const loginUrl = (url = forwardUrl) => `${service.api}/auth/login?forward_url=${encodeURIComponent(url)}`
const connect = () => createBrowser().follow(loginUrl(), headers)
const get = (path: string, init: RequestInit = {}) =>
  fetch(`${service.api}${path}`, { redirect: "manual", ...init, headers: { ...headers, ...init.headers } })

describe("GET /auth/login", () => {
  test("goes through Mailchimp's consent and the callback to the forward URL and keeps its query", async () => {
    expect(await connect()).toBe("https://app.example.com/done?tab=2&status=success&integration=mailchimp")
  })

  test("redirects the browser to Mailchimp with a state and a cookie, neither cached nor in a referrer", async () => {
    const response = await get(loginUrl().slice(service.api.length))
    expect(response.status).toBe(302)
    const location = new URL(response.headers.get("location") ?? "")
    expect(location.origin + location.pathname).toBe(`${mailchimp.url}/oauth2/authorize`)
    expect(location.searchParams.get("redirect_uri")).toBe(`${service.api}/callback`)
    expect(location.searchParams.get("response_type")).toBe("code")
    expect(response.headers.get("set-cookie")).toMatch(
      /^mailchimp_login=[\w-]{43}; Max-Age=600; Path=\/; HttpOnly; SameSite=Lax$/,
    )
    expect(response.headers.get("cache-control")).toBe("no-store")
    expect(response.headers.get("referrer-policy")).toBe("no-referrer")
  })

  test("keeps the browser's cookie, so that two logins can run concurrently in it", async () => {
    const cookie = `mailchimp_login=${"c".repeat(43)}`
    const response = await get(loginUrl().slice(service.api.length), { headers: { cookie } })
    expect(response.headers.get("set-cookie")).toStartWith(cookie)
  })

  test("gives a page that requests JSON the URL to navigate to", async () => {
    const response = await get(loginUrl().slice(service.api.length), {
      headers: { accept: "application/json" },
    })
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({
      success: true,
      message: "Success",
      data: { redirect_url: expect.stringContaining("/oauth2/authorize?"), connected: false },
    })
    expect(response.headers.get("set-cookie")).toStartWith("mailchimp_login=")
  })

  test("redirects straight to the forward URL if the connection is live", async () => {
    await connect()
    const response = await get(loginUrl().slice(service.api.length))
    expect(response.headers.get("location")).toBe(
      "https://app.example.com/done?tab=2&status=success&integration=mailchimp",
    )
    const json = await get(loginUrl().slice(service.api.length), { headers: { accept: "application/json" } })
    expect(await json.json()).toMatchObject({ data: { redirect_url: null, connected: true } })
  })

  test("continues to the consent if the app was removed at Mailchimp, and connects again", async () => {
    await connect()
    for (const { userId } of mailchimp.sandbox.state.accounts) mailchimp.sandbox.revoke(userId)
    const path = loginUrl().slice(service.api.length)
    const json = await get(path, { headers: { accept: "application/json" } })
    expect(await json.json()).toMatchObject({
      data: { redirect_url: expect.stringContaining("/oauth2/authorize?"), connected: false },
    })
    expect(await (await get("/auth")).json()).toMatchObject({ data: { token_invalidated: true } })
    expect(await connect()).toContain("status=success")
    expect((await get("/lists")).status).toBe(200)
  })

  test.each([
    { kind: "html", status: 502 },
    { kind: "html", status: 200 },
    { kind: "problem", problem: "forbidden" },
    { kind: "json", status: 401, body: { error: "invalid_token" } },
    { kind: "bad_json" },
    { kind: "cut" },
  ] as const)("redirects straight to the forward URL if the metadata cannot be read: %j", async (action) => {
    await connect()
    mailchimp.sandbox.faults.add({ match: { path: "/metadata" }, action, times: Infinity })
    const response = await get(loginUrl().slice(service.api.length))
    expect(response.headers.get("location")).toContain("status=success")
    expect(await (await get("/auth")).json()).toMatchObject({ data: { token_invalidated: false } })
  })

  test("HEAD, as a link scanner sends it, causes no request to Mailchimp and marks nothing", async () => {
    await connect()
    for (const { userId } of mailchimp.sandbox.state.accounts) mailchimp.sandbox.revoke(userId)
    const before = mailchimp.sandbox.traffic.total
    expect((await get(loginUrl().slice(service.api.length), { method: "HEAD" })).status).toBe(200)
    expect(mailchimp.sandbox.traffic.total).toBe(before)
    expect(await (await get("/auth")).json()).toMatchObject({ data: { token_invalidated: false } })
  })

  test("refuses an origin that is not allowed, and lists the allowed ones", async () => {
    const response = await get(loginUrl("https://evil.example/").slice(service.api.length))
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      code: "invalid_parameter",
      errors: [
        {
          name: "forward_url",
          reason:
            "must have one of the allowed origins, which FORWARD_URL_ORIGINS names: https://app.example.com",
        },
      ],
    })
  })
})

describe("GET /callback", () => {
  test("forwards the user's denial", async () => {
    mailchimp.sandbox.settings.decision = "deny"
    expect(await connect()).toBe(
      "https://app.example.com/done?tab=2&status=failed&integration=mailchimp&reason=access_denied",
    )
    expect((await get("/auth")).status).toBe(404)
  })

  test("redirects with other_browser in a browser other than the one that started the login, and stores nothing", async () => {
    const browser = createBrowser()
    const toMailchimp = (await browser.visit(loginUrl(), headers)).headers.get("location") ?? ""
    const toCallback = (await browser.visit(toMailchimp)).headers.get("location") ?? ""
    const stranger = await createBrowser().visit(toCallback)
    expect(stranger.headers.get("location")).toBe(
      "https://app.example.com/done?tab=2&status=failed&integration=mailchimp&reason=other_browser",
    )
    const json = await createBrowser().visit(toCallback, { accept: "application/json" })
    expect([json.status, await json.json()]).toMatchObject([
      400,
      { code: "invalid_state", success: false, message: "Invalid State" },
    ])
    expect((await get("/auth")).status).toBe(404)
    expect((await browser.visit(toCallback)).headers.get("location")).toContain("status=success")
  })

  test("redirects with success the second time, e.g. after a reload, and is a 400 for a JSON client", async () => {
    const browser = createBrowser()
    const toMailchimp = (await browser.visit(loginUrl(), headers)).headers.get("location") ?? ""
    const toCallback = (await browser.visit(toMailchimp)).headers.get("location") ?? ""
    await browser.visit(toCallback)
    const again = await browser.visit(toCallback)
    expect([again.status, again.headers.get("location")]).toEqual([
      302,
      "https://app.example.com/done?tab=2&status=success&integration=mailchimp",
    ])
    const json = await browser.visit(toCallback, { accept: "application/json" })
    expect([json.status, json.headers.get("content-type")]).toEqual([400, "application/problem+json"])
  })

  test("refuses one caller's state in another caller's browser", async () => {
    const [victim, attacker] = [createBrowser(), createBrowser()]
    await victim.visit(loginUrl(), await bearer("victim"))
    const toMailchimp = (await attacker.visit(loginUrl(), headers)).headers.get("location") ?? ""
    const toCallback = (await attacker.visit(toMailchimp)).headers.get("location") ?? ""
    expect((await victim.visit(toCallback)).headers.get("location")).toEndWith("reason=other_browser")
    expect((await get("/auth")).status).toBe(404)
  })

  test.each([
    ["no state", ""],
    ["a state that was not made here", "?state=eyJ.made.up&code=c"],
    ["two states", "?state=a&state=b&code=c"],
    ["two codes", "?state=a&code=b&code=c"],
    ["a script", "?state=%3Cscript%3Ealert(1)%3C/script%3E&error=%3Cscript%3E"],
  ])("shows a browser a plain page that says what to do: %s", async (_, query) => {
    const accept = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
    const response = await fetch(`${service.api}/callback${query}`, {
      redirect: "manual",
      headers: { accept },
    })
    expect([response.status, response.headers.get("content-type")]).toEqual([400, "text/html; charset=utf-8"])
    expect(response.headers.get("cache-control")).toBe("no-store")
    expect(response.headers.get("referrer-policy")).toBe("no-referrer")
    const page = await response.text()
    expect(page).toContain("connect Mailchimp there again")
    expect(page).toContain(response.headers.get("x-request-id") ?? "no id")
    expect(page).not.toMatch(/[{}]|<script/)
    for (const accept of ["application/json", "application/problem+json", "application/json, */*"]) {
      const problem = await fetch(`${service.api}/callback${query}`, { headers: { accept } })
      expect([problem.status, problem.headers.get("content-type")]).toEqual([400, "application/problem+json"])
    }
  })

  test("shows a browser a page that says to reload if the database cannot be read", async () => {
    const broken = await startService(sandboxEnv(mailchimp))
    const browser = createBrowser()
    const login = `${broken.api}/auth/login?forward_url=${encodeURIComponent(forwardUrl)}`
    const toMailchimp = (await browser.visit(login, headers)).headers.get("location") ?? ""
    const toCallback = (await browser.visit(toMailchimp)).headers.get("location") ?? ""
    await broken.services.close()
    const response = await browser.visit(toCallback)
    expect(response.status).toBeGreaterThanOrEqual(500)
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8")
    expect(await response.text()).toContain("reload this page")
    await broken.server.stop(true)
  })

  describe("leaves a warning in the log when a login fails", () => {
    const failedLogins = () =>
      service.log.flatMap((line) => {
        const { level, msg, code, reason, upstream_status, oauth_error } = JSON.parse(line)
        return String(msg).startsWith("login failed")
          ? [{ level, msg, code, reason, upstream_status, oauth_error }]
          : []
      })
    const failWith = async (query: string) => {
      service.log.length = 0
      const browser = createBrowser()
      const toMailchimp = (await browser.visit(loginUrl(), headers)).headers.get("location") ?? ""
      const state = new URL(toMailchimp).searchParams.get("state")
      return (await browser.visit(`${service.api}/callback?state=${state}${query}`)).headers.get("location")
    }

    test.each([
      ["invalid_client", 401, "client_rejected"],
      ["unauthorized_client", 400, "client_rejected"],
      ["redirect_uri_mismatch", 400, "client_rejected"],
      ["invalid_grant", 400, "exchange_failed"],
    ])("for the OAuth error %s with status %d: %s", async (error, status, reason) => {
      mailchimp.sandbox.faults.add({
        match: { path: "/token" },
        action: { kind: "json", status, body: { error, error_description: "for ada@example.com" } },
      })
      expect(await failWith("&code=no-such-code")).toEndWith(
        `status=failed&integration=mailchimp&reason=${reason}`,
      )
      expect(failedLogins()).toEqual([
        {
          level: "warn",
          msg: expect.stringContaining(reason === "client_rejected" ? "MAILCHIMP_CLIENT_SECRET" : "failed"),
          code: "exchange_failed",
          reason,
          upstream_status: status,
          oauth_error: error,
        },
      ])
    })

    test.each([
      ["&error=access_denied", "access_denied", "access_denied", "access_denied"],
      ["&error=unauthorized_client", "exchange_failed", "client_rejected", "unauthorized_client"],
      ["&error=server_error", "exchange_failed", "exchange_failed", "server_error"],
      ["&error=ada%40example.com", "exchange_failed", "exchange_failed", "other"],
      [`&error=${"a1".repeat(16)}`, "exchange_failed", "exchange_failed", "other"],
      ["", "invalid_parameter", "exchange_failed", undefined],
    ])("for a callback with %s", async (query, code, reason, oauthError) => {
      expect(await failWith(query)).toEndWith(`status=failed&integration=mailchimp&reason=${reason}`)
      expect(failedLogins()).toMatchObject([{ level: "warn", code, reason, oauth_error: oauthError }])
    })

    test("for an invalid state, but not for a login that succeeds or is reloaded", async () => {
      service.log.length = 0
      await fetch(`${service.api}/callback?state=forged&code=c`)
      expect(failedLogins()).toMatchObject([{ level: "warn", code: "invalid_state" }])
      service.log.length = 0
      const browser = createBrowser()
      const toMailchimp = (await browser.visit(loginUrl(), headers)).headers.get("location") ?? ""
      const toCallback = (await browser.visit(toMailchimp)).headers.get("location") ?? ""
      await browser.visit(toCallback)
      await browser.visit(toCallback)
      expect(failedLogins()).toEqual([])
    })
  })

  test("HEAD, as a link scanner sends it, neither consumes the state nor exchanges the code", async () => {
    const browser = createBrowser()
    const toMailchimp = (await browser.visit(loginUrl(), headers)).headers.get("location") ?? ""
    const toCallback = (await browser.visit(toMailchimp)).headers.get("location") ?? ""
    expect((await fetch(toCallback, { method: "HEAD", redirect: "manual" })).status).toBe(200)
    expect((await browser.visit(toCallback)).headers.get("location")).toContain("status=success")
  })

  test("accepts unknown parameters, because Mailchimp may add some", async () => {
    const browser = createBrowser()
    const toMailchimp = (await browser.visit(loginUrl(), headers)).headers.get("location") ?? ""
    const toCallback = (await browser.visit(toMailchimp)).headers.get("location") ?? ""
    expect((await browser.visit(`${toCallback}&campaign=x`)).headers.get("location")).toContain(
      "status=success",
    )
  })

  test("exchanges a code once and forwards the failure", async () => {
    const browser = createBrowser()
    const toMailchimp = (await browser.visit(loginUrl(), headers)).headers.get("location") ?? ""
    const toCallback = new URL((await browser.visit(toMailchimp)).headers.get("location") ?? "")
    toCallback.searchParams.set("code", "no-such-code")
    const response = await browser.visit(toCallback.href)
    expect(response.headers.get("location")).toEndWith(
      "&status=failed&integration=mailchimp&reason=exchange_failed",
    )
    const exchanges = mailchimp.sandbox.traffic.log.filter(({ path }) => path === "/oauth2/token")
    expect(exchanges).toHaveLength(1)
  })

  test("sends a client that requests JSON a problem instead of a redirect", async () => {
    mailchimp.sandbox.settings.decision = "deny"
    const browser = createBrowser()
    const toMailchimp = (await browser.visit(loginUrl(), headers)).headers.get("location") ?? ""
    const toCallback = (await browser.visit(toMailchimp)).headers.get("location") ?? ""
    const response = await browser.visit(toCallback, { accept: "application/json" })
    expect(response.status).toBe(403)
    expect(await response.json()).toMatchObject({ code: "access_denied" })
  })
})

describe("GET /auth", () => {
  test("shows the connection, but never its token", async () => {
    await connect()
    const response = await get("/auth")
    const text = await response.text()
    expect(JSON.parse(text)).toEqual({
      success: true,
      message: "Success",
      data: {
        account_name: expect.any(String),
        data_center: expect.stringMatching(/^us\d+$/),
        connected_at: expect.stringMatching(/^\d{4}-.*Z$/),
        token_invalidated: false,
      },
    })
    expect(text).not.toContain("access_token")
  })

  test("is a 404 problem without a connection", async () => {
    const response = await get("/auth")
    expect(response.status).toBe(404)
    expect(response.headers.get("content-type")).toBe("application/problem+json")
    expect(await response.json()).toEqual({
      type: "/docs#access_token_not_found",
      title: "Access Token Not Found",
      status: 404,
      detail: "Cannot find a connection: connect a Mailchimp account first through /auth/login",
      code: "access_token_not_found",
      success: false,
      message: "Access Token Not Found",
    })
  })

  test("is separate for each user of an account, and each sub-account that the token names", async () => {
    await connect()
    expect((await get("/auth", { headers: await bearer("another") })).status).toBe(404)
    const forSub = await bearer(uid, { sub_accounts: ["sub-1"] })
    expect((await get("/auth?sub_account_id=sub-1", { headers: forSub })).status).toBe(404)
    await createBrowser().follow(`${loginUrl()}&sub_account_id=sub-1`, forSub)
    expect((await get("/auth?sub_account_id=sub-1", { headers: forSub })).status).toBe(200)
    const foreign = await get("/auth?sub_account_id=sub-2", { headers: forSub })
    expect(foreign.status).toBe(403)
    expect(await foreign.json()).toMatchObject({ code: "sub_account_forbidden" })
  })
})

describe("DELETE /auth", () => {
  test("deletes the connection, and is a 200 again when repeated", async () => {
    await connect()
    for (let times = 0; times < 2; times += 1) {
      const response = await get("/auth", { method: "DELETE" })
      expect(response.status).toBe(200)
      expect(await response.json()).toEqual({
        success: true,
        message: "Success",
        data: { connected: false, webhooks_left: [] },
      })
    }
    expect((await get("/auth")).status).toBe(404)
  })
})

test("a connection whose token was revoked at Mailchimp is marked invalidated, and replaced by the next login", async () => {
  await connect()
  for (const { userId } of mailchimp.sandbox.state.accounts) mailchimp.sandbox.revoke(userId)
  const lists = await get("/lists")
  expect(lists.status).toBe(409)
  expect(await lists.json()).toMatchObject({
    code: "connection_invalidated",
    upstream: { status: 401, title: "API Key Invalid" },
  })
  expect(await (await get("/auth")).json()).toMatchObject({ data: { token_invalidated: true } })
  expect(await connect()).toContain("status=success")
  expect((await get("/lists")).status).toBe(200)
})
