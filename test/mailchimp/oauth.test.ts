import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test"
import { http, HttpResponse, type JsonBodyType } from "msw"
import { setupServer } from "msw/node"
import { AppError } from "../../src/errors.ts"
import { InvalidToken } from "../../src/mailchimp/errors.ts"
import { createMailchimpOAuth, type MailchimpOAuthOptions } from "../../src/mailchimp/oauth.ts"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { createCountedSignal } from "../support/counted-signal.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"

const tokenUrl = "https://login.mailchimp.com/oauth2/token"
const dataCenterUrl = "https://login.mailchimp.com/oauth2/metadata"
const accessToken = "0123456789abcdef0123456789abcdef"
const code = "code-4711"
const clientSecret = "secret-4712"

const server = setupServer()
beforeAll(() => server.listen({ onUnhandledRequest: "error" }))
afterEach(() => server.resetHandlers())
afterAll(() => server.close())

function setUp(options: Partial<MailchimpOAuthOptions> = {}) {
  const clock = createVirtualClock()
  const oauth = createMailchimpOAuth({
    clientId: "client-1",
    clientSecret,
    redirectUri: "https://export.example/callback?x=1",
    authorizationUrl: "https://login.mailchimp.com/oauth2/authorize",
    tokenUrl,
    dataCenterUrl,
    fetch: clock.watch((url, init) => fetch(url, init)),
    clock,
    random: () => 0.5,
    ...options,
  })
  const failure = async (promise: Promise<unknown>) => {
    const error = await clock.settle(promise.catch((error: unknown) => error))
    if (!(error instanceof AppError)) throw new Error("It did not fail", { cause: error })
    for (const secret of [accessToken, code, clientSecret]) {
      expect(Bun.inspect([error, error.cause])).not.toContain(secret)
    }
    return error
  }
  return { oauth, clock, failure }
}

/** Gives each request the next response, and records the requests. */
function respondWith(url: string, ...responses: (() => Response)[]) {
  const requests: Request[] = []
  server.use(
    http.all(url, ({ request }) => {
      requests.push(request.clone())
      return responses[Math.min(requests.length, responses.length) - 1]?.()
    }),
  )
  return requests
}

const json =
  (body: JsonBodyType, status = 200) =>
  () =>
    HttpResponse.json(body, { status })

const html = (status: number) => () => HttpResponse.html("<html>Oops</html>", { status })

describe("authorizationUrl()", () => {
  test("has the parameters that Mailchimp requires, and keeps the URL's own query", () => {
    const { oauth } = setUp({ authorizationUrl: "https://login.mailchimp.com/oauth2/authorize?lang=de" })
    const url = new URL(oauth.authorizationUrl("a state+/="))
    expect(url.origin + url.pathname).toBe("https://login.mailchimp.com/oauth2/authorize")
    expect(Object.fromEntries(url.searchParams)).toEqual({
      lang: "de",
      response_type: "code",
      client_id: "client-1",
      redirect_uri: "https://export.example/callback?x=1",
      state: "a state+/=",
    })
  })
})

describe("exchangeCode()", () => {
  test("sends a form, and returns the token of a response without token_type", async () => {
    const { oauth, clock } = setUp()
    const requests = respondWith(tokenUrl, json({ access_token: accessToken, expires_in: 0, scope: null }))
    expect(await clock.settle(oauth.exchangeCode(code))).toBe(accessToken)
    const [request] = requests
    expect(request?.method).toBe("POST")
    expect(request?.url).toBe(tokenUrl)
    expect(request?.headers.get("content-type")).toStartWith("application/x-www-form-urlencoded")
    expect(request?.headers.has("authorization")).toBe(false)
    expect(Object.fromEntries(new URLSearchParams(await request?.text()))).toEqual({
      grant_type: "authorization_code",
      client_id: "client-1",
      client_secret: clientSecret,
      redirect_uri: "https://export.example/callback?x=1",
      code,
    })
    expect(clock.sleepers()).toBe(0)
  })

  test.each([
    ["an OAuth error", json({ error: "invalid_grant", error_description: `No ${code}` }, 400)],
    ["an OAuth error with status 200", json({ error: "invalid_grant" })],
    ["a response without a token", json({ expires_in: 0 })],
    ["an empty token", json({ access_token: "" })],
    ["a token that is not a string", json({ access_token: 5 })],
    ["a token that does not fit into a header", json({ access_token: "a\r\nb" })],
    ["a token with a failing status", json({ access_token: "abc" }, 500)],
    ["HTML with status 200", html(200)],
    ["HTML with status 502", html(502)],
    ["an empty body", () => new HttpResponse(null, { status: 204 })],
    ["JSON null", json(null)],
    ["a redirect", () => HttpResponse.redirect("https://elsewhere.example/", 307)],
    ["a connection that failed", () => HttpResponse.error()],
  ])("fails after %s, without a retry", async (_name, response) => {
    const { oauth, failure, clock } = setUp()
    const requests = respondWith(tokenUrl, response)
    expect((await failure(oauth.exchangeCode(code))).code).toBe("exchange_failed")
    expect(requests).toHaveLength(1)
    expect(clock.sleepers()).toBe(0)
  })

  test("passes on Mailchimp's error", async () => {
    const { oauth, failure } = setUp()
    respondWith(tokenUrl, json({ error: "invalid_grant", error_description: `${code} has expired` }, 400))
    expect((await failure(oauth.exchangeCode(code))).upstream).toEqual({
      status: 400,
      title: "invalid_grant",
      detail: "[secret] has expired",
    })
  })

  test("times out after ten seconds", async () => {
    const { oauth, failure, clock } = setUp({ fetch: () => new Promise(() => {}) })
    expect((await failure(oauth.exchangeCode(code))).code).toBe("exchange_failed")
    expect([clock.monotonicMs(), clock.sleepers()]).toEqual([10_000, 0])
  })

  test("rejects with the caller's reason as soon as they abort", async () => {
    const { oauth, clock } = setUp({ fetch: () => new Promise(() => {}) })
    const { controller, signal, listeners } = createCountedSignal()
    const exchanged = oauth.exchangeCode(code, signal).catch((error: unknown) => error)
    controller.abort("left")
    expect([await exchanged, clock.sleepers(), listeners()]).toEqual(["left", 0, 0])
  })
})

describe("readMetadata()", () => {
  const recorded = {
    dc: "us3",
    role: "admin",
    accountname: "Acme",
    user_id: 131_656_250,
    login: { email: "ann@example.com", login_id: 168_278_758 },
    api_endpoint: "https://us3.api.mailchimp.com",
  }

  test("returns the data center, the user and the account name, and nothing personal", async () => {
    const { oauth, clock } = setUp()
    const requests = respondWith(dataCenterUrl, json(recorded))
    const account = await clock.settle(oauth.readMetadata(accessToken))
    expect(account).toEqual({ dc: "us3", userId: "131656250", accountName: "Acme" })
    expect(requests[0]?.headers.get("authorization")).toBe(`OAuth ${accessToken}`)
    expect(clock.sleepers()).toBe(0)
  })

  test("needs no more than the data center", async () => {
    const { oauth, clock } = setUp()
    respondWith(dataCenterUrl, json({ dc: "us19", user_id: null, accountname: "" }))
    expect(await clock.settle(oauth.readMetadata(accessToken))).toEqual({ dc: "us19" })
  })

  test.each([
    ["", json({ error: "invalid_token", error_description: `Bad ${accessToken}` })],
    [" beside a data center", json({ ...recorded, error: "invalid_token" })],
  ])("rejects with InvalidToken at once: invalid_token%s", async (_name, response) => {
    const { oauth, failure } = setUp()
    const requests = respondWith(dataCenterUrl, response)
    const error = await failure(oauth.readMetadata(accessToken))
    expect(error).toBeInstanceOf(InvalidToken)
    expect(error).toMatchObject({ code: "metadata_invalid", upstream: { title: "invalid_token" } })
    expect(requests).toHaveLength(1)
  })

  test.each([
    ["a gateway's 401 about its own tokens", json({ error: "invalid_token" }, 401)],
    ["another error with status 200", json({ error: "server_error" })],
    ["a 401 of Mailchimp's API", json({ title: "API Key Invalid", status: 401 }, 401)],
    ["a 403 that is HTML", html(403)],
    ["no data center", json({ ...recorded, dc: undefined })],
    ["an invalid data center", json({ ...recorded, dc: "evil.example/" })],
    ["a data center with a line break at its end", json({ ...recorded, dc: "us1\n" })],
    ["a data center that is not a string", json({ ...recorded, dc: 5 })],
    ["a failing status", json(recorded, 401)],
    ["HTML with status 200", html(200)],
    ["JSON null", json(null)],
    ["a redirect", () => HttpResponse.redirect("https://elsewhere.example/", 302)],
  ])("is retried after %s, and fails only in the end", async (_name, response) => {
    const lasting = setUp()
    const requests = respondWith(dataCenterUrl, response)
    const error = await lasting.failure(lasting.oauth.readMetadata(accessToken))
    expect(error.code).toBe("metadata_invalid")
    expect(error).not.toBeInstanceOf(InvalidToken)
    expect(requests.length).toBeGreaterThan(3)
    expect(lasting.clock.monotonicMs()).toBeLessThanOrEqual(15_000)

    const passing = setUp()
    respondWith(dataCenterUrl, response, json(recorded))
    expect(await passing.clock.settle(passing.oauth.readMetadata(accessToken))).toMatchObject({ dc: "us3" })
  })

  test("is requested once if there is no time to retry", async () => {
    const { oauth, failure } = setUp()
    const requests = respondWith(dataCenterUrl, html(503))
    const { signal } = new AbortController()
    expect((await failure(oauth.readMetadata(accessToken, signal, 0))).code).toBe("metadata_invalid")
    expect(requests).toHaveLength(1)
  })

  test.each([
    ["a 503", html(503)],
    ["a 429", json({}, 429)],
    ["a connection that failed", () => HttpResponse.error()],
  ])("is retried after %s", async (_name, response) => {
    const { oauth, clock } = setUp()
    const requests = respondWith(dataCenterUrl, response, response, json(recorded))
    expect(await clock.settle(oauth.readMetadata(accessToken))).toMatchObject({ dc: "us3" })
    expect(requests).toHaveLength(3)
  })

  test("fails in the end with Mailchimp's last error", async () => {
    const { oauth, failure, clock } = setUp()
    respondWith(dataCenterUrl, json({ title: "Internal Server Error", status: 500 }, 500))
    const error = await failure(oauth.readMetadata(accessToken))
    expect(error).toMatchObject({ code: "metadata_invalid", upstream: { status: 500 } })
    expect(clock.monotonicMs()).toBeLessThanOrEqual(15_000)
    expect(clock.sleepers()).toBe(0)
  })

  test("rejects with the caller's reason as soon as they abort", async () => {
    const { oauth, clock } = setUp({ fetch: () => new Promise(() => {}) })
    const { controller, signal, listeners } = createCountedSignal()
    const read = oauth.readMetadata(accessToken, signal).catch((error: unknown) => error)
    controller.abort("left")
    expect([await read, clock.sleepers(), listeners()]).toEqual(["left", 0, 0])
  })
})

test("the whole authorization, over sockets: consent, code, token, account, and the code a second time", async () => {
  server.close()
  const running = startSandbox({
    decision: "approve",
    accounts: [{ userId: 7, dc: "us4", accountName: "Acme" }],
  })
  try {
    const redirectUri = "http://127.0.0.1:1/callback"
    const oauth = createMailchimpOAuth({
      clientId: "sandbox-client",
      clientSecret: "sandbox-secret",
      redirectUri,
      authorizationUrl: `${running.url}/oauth2/authorize`,
      tokenUrl: `${running.url}/oauth2/token`,
      dataCenterUrl: `${running.url}/oauth2/metadata`,
    })
    const consent = await fetch(oauth.authorizationUrl("state-1"), { redirect: "manual" })
    const back = new URL(consent.headers.get("location") ?? "")
    expect(back.searchParams.get("state")).toBe("state-1")
    const given = back.searchParams.get("code") ?? ""
    const token = await oauth.exchangeCode(given)
    expect(await oauth.readMetadata(token)).toEqual({ dc: "us4", userId: "7", accountName: "Acme" })
    expect(await oauth.exchangeCode(given).catch((error: unknown) => error)).toMatchObject({
      code: "exchange_failed",
      upstream: { status: 400, title: "invalid_grant" },
    })
  } finally {
    await running.stop()
  }
})

test("a body that inflates to 300 MB takes no more memory than the limit for a token, with any coding", async () => {
  const running = startSandbox({ decision: "approve", accounts: [{ tokens: [accessToken] }] })
  const { faults } = running.sandbox
  try {
    const oauth = createMailchimpOAuth({
      clientId: "sandbox-client",
      clientSecret: "sandbox-secret",
      redirectUri: "http://127.0.0.1:1/callback",
      authorizationUrl: `${running.url}/oauth2/authorize`,
      tokenUrl: `${running.url}/oauth2/token`,
      dataCenterUrl: `${running.url}/oauth2/metadata`,
      random: () => 0,
    })
    const bytes = 300 * 2 ** 20
    const bombs = [{}, { claims: 100 }, { chunked: true }, { plain: true }, { bytes: bytes / 4, parts: 4 }]
    for (const bomb of bombs) {
      const fault = faults.add({ action: { kind: "bomb", bytes, ...bomb }, times: 2 })
      Bun.gc(true)
      const before = process.memoryUsage().rss
      const [exchange, metadata] = await Promise.all([
        oauth.exchangeCode(code).catch((error: unknown) => error),
        oauth.readMetadata(accessToken),
      ])
      expect(exchange).toMatchObject({ code: "exchange_failed" })
      // Retried, as after any unusable response.
      expect(metadata).toMatchObject({ dc: "us19" })
      expect(fault.played).toBe(2)
      expect(process.memoryUsage().rss - before).toBeLessThan(100 * 2 ** 20)
    }
  } finally {
    await running.stop()
  }
}, 60_000)
