import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { createBrowser } from "../support/browser.ts"
import { bearer, connectAccount, sandboxEnv, startService, type RunningService } from "../support/service.ts"

const mailchimp = startSandbox({ decision: "approve", accounts: [{ lists: [{ name: "Few", count: 5 }] }] })
const { sandbox } = mailchimp
const listId = sandbox.state.accounts[0]?.lists[0]?.id ?? ""
let service: RunningService

beforeAll(async () => {
  service = await startService(sandboxEnv(mailchimp))
})
afterAll(async () => {
  await service.stop()
  await mailchimp.stop()
})
afterEach(() => sandbox.faults.clear())

const request = (path: string, headers: Record<string, string>, method: string) =>
  fetch(service.api + path, { headers, method, redirect: "manual" })

describe("HEAD", () => {
  const paths = ["/auth", "/lists", `/lists/${listId}`, "/export", `/export/${listId}`, "/export?count=1"]

  test.each(paths)(
    "%s has the status of GET: without a token, without a connection, with a connection, with a bad parameter",
    async (path) => {
      const forged = { authorization: "Bearer e30.e30.e30" }
      const connected = await connectAccount(service)
      const wrong = `${path}${path.includes("?") ? "&" : "?"}colour=red`
      for (const [headers, requested, status] of [
        [{}, path, 401],
        [forged, path, 401],
        [await bearer("nobody"), path, 404],
        [connected, path, 200],
        [connected, wrong, 400],
        [connected, `${path}${path.includes("?") ? "&" : "?"}sub_account_id=other`, 403],
      ] as const) {
        expect((await request(requested, headers, "GET")).status).toBe(status)
        const before = sandbox.traffic.total
        const head = await request(requested, headers, "HEAD")
        expect([head.status, await head.text()]).toEqual([status, ""])
        expect(sandbox.traffic.total).toBe(before)
      }
    },
  )

  test.each([
    ["/auth/login?forward_url=https%3A%2F%2Fapp.example.com%2F", 302, 200],
    ["/auth/login?forward_url=https%3A%2F%2Fevil.example%2F", 400, 400],
    ["/auth/login?forward_url=javascript%3Aalert(1)", 400, 400],
    ["/auth/login", 400, 400],
    ["/callback?state=eyJhbGciOiJkaXIifQ.a.b.c.d&code=x", 400, 400],
    ["/callback?code=x", 400, 400],
    ["/export?cursor=eyJhbGciOiJkaXIifQ.a.b.c.d", 400, 400],
    ["/export?cursor=none", 400, 400],
    ["/nothing", 404, 404],
    // Only Mailchimp knows which lists there are: see docs/exports.md.
    ["/export/unknown", 404, 200],
    ["/export?list_id=unknown", 404, 200],
    ["/lists/unknown", 404, 200],
  ])("of %s, for which GET is a %i, is a %i, without a request to Mailchimp", async (path, get, head) => {
    const headers = await connectAccount(service)
    if (path.startsWith("/auth/login")) await request("/auth", headers, "DELETE")
    expect((await request(path, headers, "GET")).status).toBe(get)
    const before = sandbox.traffic.total
    const response = await request(path, headers, "HEAD")
    expect([response.status, await response.text(), sandbox.traffic.total]).toEqual([head, "", before])
  })

  test("of a cursor of another connection is a 403, and of other fields a 400, as GET is", async () => {
    const [one, other] = [await connectAccount(service), await connectAccount(service)]
    const body = await (await request("/export?events=true", one, "GET")).text()
    const cursor = encodeURIComponent(JSON.parse(body.trimEnd().split("\n").at(-1) ?? "").cursor)
    for (const [path, headers, status] of [
      [`/export?cursor=${cursor}`, one, 200],
      [`/export?cursor=${cursor}`, other, 403],
      [`/export?fields=id&cursor=${cursor}`, one, 400],
      [`/export/${listId}?cursor=${cursor}`, one, 400],
    ] as const)
      for (const method of ["GET", "HEAD"])
        expect([method, (await request(path, headers, method)).status]).toEqual([method, status])
  })

  test("of a login from another site is a 400, as GET is", async () => {
    const headers = {
      ...(await bearer("nobody")),
      "sec-fetch-site": "cross-site",
      origin: "http://other.example",
    }
    for (const method of ["GET", "HEAD"]) {
      const response = await request(
        "/auth/login?forward_url=https%3A%2F%2Fapp.example.com%2F",
        headers,
        method,
      )
      expect([method, response.status, response.headers.get("set-cookie")]).toEqual([method, 400, null])
    }
  })

  test("of the pages at the root has the status of GET", async () => {
    for (const path of ["/healthz", "/readyz", "/openapi.json", "/none"]) {
      const get = await fetch(service.url + path)
      const head = await fetch(service.url + path, { method: "HEAD" })
      expect([path, head.status, await head.text()]).toEqual([path, get.status, ""])
    }
  })

  test("is a 409 for a connection that is invalidated, as GET is", async () => {
    const headers = await connectAccount(service, "revoked")
    for (const { userId } of sandbox.state.accounts) sandbox.revoke(userId)
    expect((await request("/lists", headers, "GET")).status).toBe(409)
    for (const path of paths.slice(1)) expect((await request(path, headers, "HEAD")).status).toBe(409)
  })
})

test("what is a caller's own is never cached, whether it succeeds or is refused", async () => {
  const headers = await connectAccount(service)
  for (const path of ["/auth", "/lists", "/export", "/export?count=1", "/lists?colour=red", "/auth/login"])
    for (const method of ["GET", "HEAD"])
      expect((await request(path, headers, method)).headers.get("cache-control"), path).toBe("no-store")
  expect((await request("/auth", headers, "DELETE")).headers.get("cache-control")).toBe("no-store")
})

describe("forward_url", () => {
  const ofBytes = (bytes: number, letter = "x") => {
    const url = "https://app.example.com/?state="
    return url + letter.repeat((bytes - url.length) / Buffer.byteLength(letter))
  }
  const login = (forwardUrl: string) =>
    `${service.api}/auth/login?forward_url=${encodeURIComponent(forwardUrl)}`

  test("of 2,048 bytes, of a caller with the longest ids, survives the redirect from Mailchimp", async () => {
    const headers = await bearer("😀".repeat(128), { account_id: "😀".repeat(128) })
    const reached = await createBrowser().follow(login(ofBytes(2048)), headers)
    expect(reached).toEndWith("x&status=success&integration=mailchimp")
  })

  test.each([ofBytes(2049), ofBytes(14_000), ofBytes(2051, "ü"), "x".repeat(3000)])(
    "of more bytes is refused by the login, not by the callback: %#",
    async (forwardUrl) => {
      const response = await request(
        `/auth/login?forward_url=${encodeURIComponent(forwardUrl).slice(0, 15_000)}`,
        await bearer("ada"),
        "GET",
      )
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({
        code: "invalid_parameter",
        errors: [{ name: "forward_url", reason: "must have 2048 bytes at most" }],
      })
    },
  )
})
