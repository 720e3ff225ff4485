import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { createBrowser } from "../support/browser.ts"
import { describeWithMongodb, mongodbStartTimeoutMs, newMongodbUri } from "../support/mongodb.ts"
import { bearer, connectAccount } from "../support/service.ts"
import { serviceProcesses } from "../support/service-processes.ts"

const mailchimp = startSandbox({ decision: "approve", accounts: [{ lists: [{ name: "Small", count: 5 }] }] })
const TOKEN_KEYS = `k1:${Buffer.alloc(32, 7).toString("base64")}`
afterAll(() => mailchimp.stop())

describe("on SQLite", () => callbacks(async () => ({})))
describeWithMongodb("over MongoDB's wire protocol", () =>
  callbacks(async () => ({ MONGODB_URI: await newMongodbUri() })),
)

/** The service as processes that are really killed, and what they remember of a login. */
function callbacks(storageEnv: () => Promise<Record<string, string>>) {
  let services: ReturnType<typeof serviceProcesses>
  beforeAll(async () => {
    services = serviceProcesses(mailchimp, { ...(await storageEnv()), TOKEN_KEYS })
  }, mongodbStartTimeoutMs)
  afterAll(() => services.end())

  test("a connection exists after kill -9 right after the callback's redirect, and a restart", async () => {
    const before = await services.start()
    const headers = await connectAccount(before, "killed")
    await before.kill()

    const after = await services.start()
    const response = await fetch(`${after.api}/auth`, { headers })
    expect(response.status).toBe(200)
    const exported = await fetch(`${after.api}/export`, { headers })
    expect((await exported.text()).trim().split("\n").length).toBeGreaterThan(0)
    await after.stop()
  }, 30_000)

  test("of 50 simultaneous callbacks for one caller, at two replicas, one connects, and each of the others gets the reason", async () => {
    // Two processes behind one public URL, as behind a load balancer.
    const first = await services.start()
    const second = await services.start({ PUBLIC_URL: first.url })
    const headers = await bearer("racer")
    const forwardUrl = encodeURIComponent("https://app.example.com/done")
    const browsers = Array.from({ length: 50 }, () => createBrowser())
    const toCallbacks = await Promise.all(
      browsers.map(async (browser) => {
        const login = await browser.visit(`${first.api}/auth/login?forward_url=${forwardUrl}`, headers)
        const consent = await browser.visit(login.headers.get("location") ?? "")
        return consent.headers.get("location") ?? ""
      }),
    )
    const outcomes = await Promise.all(
      toCallbacks.map(async (url, index) => {
        const target = index % 2 === 0 ? url : url.replace(first.url, second.url)
        const response = await browsers[index]?.visitWithCookiesOf(first.url, target)
        return new URL(response?.headers.get("location") ?? "about:blank").search
      }),
    )
    const won = "?status=success&integration=mailchimp"
    const lost = "?status=failed&integration=mailchimp&reason=connection_exists"
    expect(outcomes.filter((search) => search === won)).toHaveLength(1)
    expect(outcomes.filter((search) => search === lost)).toHaveLength(49)
    expect((await fetch(`${second.api}/auth`, { headers })).status).toBe(200)
  }, 30_000)
}
