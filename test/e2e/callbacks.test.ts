import { afterAll, beforeAll, expect, test } from "bun:test"
import { join } from "node:path"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { startServiceProcess, type ServiceProcess } from "../../src/sandbox/service-process.ts"
import { apiPrefix } from "../../src/http/envelope.ts"
import { createBrowser } from "../support/browser.ts"
import { describeWithMongodb, mongodbStartTimeoutMs, newMongodbUri } from "../support/mongodb.ts"
import { bearer, connectAccount, sandboxEnv } from "../support/service.ts"
import { describe } from "bun:test"
import { temporaryFolder } from "../support/temporary-folder.ts"

const mailchimp = startSandbox({ decision: "approve", accounts: [{ lists: [{ name: "Small", count: 5 }] }] })
const folder = temporaryFolder()
const TOKEN_KEYS = `k1:${Buffer.alloc(32, 7).toString("base64")}`
afterAll(async () => {
  await mailchimp.stop()
  folder.remove()
})

describe("on SQLite", () => callbacks(async () => ({ SQLITE_PATH: join(folder.path, "export.sqlite") })))
describeWithMongodb("over MongoDB's wire protocol", () =>
  callbacks(async () => ({
    MONGODB_URI: await newMongodbUri(),
    SQLITE_PATH: join(folder.path, "unused.sqlite"),
  })),
)

/** The service as processes that are really killed, and what of a login they remember. */
function callbacks(storageEnv: () => Promise<Record<string, string>>) {
  const replicas: ServiceProcess[] = []
  let env: Record<string, string>

  const start = async () => {
    const replica = await startServiceProcess(env, { output: "ignore" })
    replicas.push(replica)
    return { ...replica, api: replica.url + apiPrefix }
  }

  beforeAll(async () => {
    env = { ...sandboxEnv(mailchimp), ...(await storageEnv()), TOKEN_KEYS, LOG_LEVEL: "silent" }
  }, mongodbStartTimeoutMs)
  afterAll(() => Promise.all(replicas.map((replica) => replica.kill())))

  test("a connection is there after kill -9 right behind the callback's redirect, and a restart", async () => {
    const before = await start()
    const headers = await connectAccount(before, "killed")
    await before.kill()

    const after = await start()
    const answer = await fetch(`${after.api}/auth`, { headers })
    expect(answer.status).toBe(200)
    const exported = await fetch(`${after.api}/export`, { headers })
    expect((await exported.text()).trim().split("\n").length).toBeGreaterThan(0)
    await after.stop()
  }, 30_000)

  test("of 50 simultaneous callbacks for one caller, at two replicas, one connects; each other one is told why not", async () => {
    // Two processes behind one public URL, as a load balancer would have it.
    const first = await start()
    const shared = { ...env, PUBLIC_URL: first.url }
    const second = await startServiceProcess(shared, { output: "ignore" })
    replicas.push(second)
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
        const answer = await browsers[index]?.visitWithCookiesOf(first.url, target)
        return new URL(answer?.headers.get("location") ?? "about:blank").search
      }),
    )
    const won = "?status=success&integration=mailchimp"
    const lost = "?status=failed&integration=mailchimp&reason=connection_exists"
    expect(outcomes.filter((search) => search === won)).toHaveLength(1)
    expect(outcomes.filter((search) => search === lost)).toHaveLength(49)
    expect((await fetch(`${second.url}${apiPrefix}/auth`, { headers })).status).toBe(200)
  }, 30_000)
}
