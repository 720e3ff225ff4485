import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { bearer, sandboxEnv, startService, type RunningService } from "../support/service.ts"

const mailchimp = startSandbox({ decision: "approve" })
const services: Record<string, RunningService> = {}
const origins = "http://localhost:5173,http://127.0.0.1:5173,https://app.example.com"
let headers: Record<string, string>

beforeAll(async () => {
  const env = { ...sandboxEnv(mailchimp), CORS_ORIGINS: origins }
  services["http://127.0.0.1:3000"] = await startService({ ...env, PUBLIC_URL: "http://127.0.0.1:3000" })
  services["http://[::1]:3000"] = await startService({ ...env, PUBLIC_URL: "http://[::1]:3000" })
  services["https://export.example.com"] = await startService({
    ...env,
    PUBLIC_URL: "https://export.example.com",
  })
  services["http://127.0.0.1:3000, but the callback at app.example.com"] = await startService({
    ...env,
    PUBLIC_URL: "http://127.0.0.1:3000",
    MAILCHIMP_REDIRECT_URI: "https://app.example.com/v1/integrations/mailchimp/callback",
  })
  services.off = await startService({ ...env, LOGIN_COOKIE: "off", PUBLIC_URL: "http://127.0.0.1:3000" })
  headers = await bearer("ada")
})
afterAll(async () => {
  for (const service of Object.values(services)) await service.stop()
  await mailchimp.stop()
})

const login = (service: string, sent: Record<string, string>) =>
  fetch(`${services[service]?.api}/auth/login?forward_url=https://app.example.com/done`, {
    headers: { ...headers, accept: "application/json", ...sent },
  })

/** The headers that a page's fetch sends. */
const fetched = (site: string, origin: string) => ({
  "sec-fetch-site": site,
  "sec-fetch-mode": "cors",
  "sec-fetch-dest": "empty",
  origin,
})

describe("a login whose cookie the browser would drop is refused, and its page can read why", () => {
  test.each([
    ["http://127.0.0.1:3000", fetched("cross-site", "http://localhost:5173")],
    ["https://export.example.com", fetched("cross-site", "http://localhost:5173")],
    // A browser that sends no Sec-Fetch-Site: an old one, or any over http to another machine.
    ["http://127.0.0.1:3000", { origin: "http://localhost:5173" }],
    ["http://127.0.0.1:3000", { origin: "https://app.example.com" }],
    ["http://[::1]:3000", { origin: "http://127.0.0.1:5173" }],
    ["https://export.example.com", { origin: "http://127.0.0.1:5173" }],
    // The page uses http://localhost:3000, which is its own site, but Mailchimp redirects to 127.0.0.1.
    ["http://127.0.0.1:3000", fetched("same-site", "http://localhost:5173")],
  ])("PUBLIC_URL %s, headers %j", async (service, sent) => {
    const response = await login(service, sent)
    expect(response.status).toBe(400)
    expect(response.headers.get("set-cookie")).toBeNull()
    expect(response.headers.get("access-control-allow-origin")).toBe(sent.origin)
    expect(await response.json()).toMatchObject({
      code: "login_cross_site",
      detail: expect.stringMatching(/ and .*: serve both from one site, or .* LOGIN_COOKIE=off$/),
    })
  })

  test("a page behind a development server's proxy, which sends no Origin, is identified by its Referer", async () => {
    const sent = { "sec-fetch-site": "same-origin", referer: "http://localhost:5173/settings" }
    expect(await (await login("http://127.0.0.1:3000", sent)).json()).toMatchObject({
      code: "login_cross_site",
    })
  })

  test("a frame in a page of another site is not a top-level navigation", async () => {
    const sent = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe" }
    expect((await login("https://export.example.com", sent)).status).toBe(400)
  })
})

describe("a login whose cookie comes back is allowed", () => {
  test.each<[string, Record<string, string>]>([
    ["http://127.0.0.1:3000", {}],
    ["http://127.0.0.1:3000", fetched("same-site", "http://127.0.0.1:5173")],
    ["http://127.0.0.1:3000", { origin: "http://127.0.0.1:5173" }],
    ["http://[::1]:3000", { origin: "http://[::1]:5173" }],
    ["https://export.example.com", fetched("same-site", "https://app.example.com")],
    ["https://export.example.com", fetched("same-origin", "https://export.example.com")],
    ["https://export.example.com", { origin: "https://app.example.com" }],
    ["https://export.example.com", { "sec-fetch-site": "none" }],
    ["https://export.example.com", { referer: "not a URL" }],
    ["http://127.0.0.1:3000, but the callback at app.example.com", { origin: "https://app.example.com" }],
    // A top-level navigation, through a server that adds the bearer header.
    [
      "https://export.example.com",
      { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" },
    ],
    ["off", fetched("cross-site", "http://localhost:5173")],
  ])("PUBLIC_URL %s, headers %j", async (service, sent) => {
    expect((await login(service, sent)).status).toBe(200)
  })
})
