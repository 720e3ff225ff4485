import { rmSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "bun:test"
import { z } from "zod"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { buildTimeoutMs, startFragileFerretdb } from "../support/ferretdb.ts"
import { describeWithFerretdb } from "../support/mongodb.ts"
import { describeWithRedis, startRedis } from "../support/redis-server.ts"
import { connectAccount, type RunningService, sandboxEnv, startService } from "../support/service.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"
import { until } from "../support/until.ts"

const METRICS_TOKEN = "only-for-those-on-call"
/** A service in production with two connected accounts, each with one list. */
async function startWorld(env: Readonly<Record<string, string>> = {}) {
  const mailchimp = startSandbox({
    decision: "approve",
    accounts: ["One", "Two"].map((name) => ({ lists: [{ name, count: 300 }] })),
  })
  const service = await startService({
    ...sandboxEnv(mailchimp),
    NODE_ENV: "production",
    TOKEN_KEYS: `k1:${Buffer.alloc(32, 9).toString("base64")}`,
    METRICS_TOKEN,
    MAILCHIMP_PAGE_SIZE: "100",
    MAILCHIMP_TIMEOUT_MS: "2000",
    MAILCHIMP_RETRY_S: "2",
    ...env,
  })
  const accounts = []
  for (const { userId, lists } of mailchimp.sandbox.state.accounts) {
    mailchimp.sandbox.settings.consentingUserId = userId
    accounts.push({ listId: lists[0]?.id ?? "", headers: await connectAccount(service) })
  }
  const [slow, other] = accounts
  if (slow === undefined || other === undefined) throw new Error("The sandbox has too few accounts")
  return {
    ...mailchimp,
    service,
    slow,
    other,
    /** The statuses of an export of each account. */
    exportBoth: () => Promise.all([slow, other].map(({ headers }) => statusOfExport(service, headers))),
    [Symbol.asyncDispose]: async () => {
      await service.stop()
      await mailchimp.stop()
    },
  }
}

async function statusOfExport({ api }: RunningService, headers: Record<string, string>): Promise<number> {
  const response = await fetch(`${api}/export`, { headers })
  await response.text()
  return response.status
}

/** What the page says to look at. */
async function look({ url, log }: RunningService) {
  const authorization = `Bearer ${METRICS_TOKEN}`
  const page = await (await fetch(`${url}/metrics`, { headers: { authorization } })).text()
  const series = [...page.matchAll(/^mailchimp_export_(\S+) (\S+)$/gm)]
  const metrics = new Map(series.map(([, name = "", value]) => [name, Number(value)]))
  const ready = await fetch(`${url}/readyz`)
  return {
    metric: (name: string) => metrics.get(name) ?? 0,
    ready: [ready.status, lookSchema.parse(await ready.json())] as const,
    /** Lines of this level and worse are what the page has the reader count: each with its code, or else its message. */
    errors: log
      .map((line) => lineSchema.parse(JSON.parse(line)))
      .filter(({ level }) => level === "error")
      .map(({ code, error, msg }) => code ?? error?.code ?? msg),
    exports: log
      .map((line) => lineSchema.parse(JSON.parse(line)))
      .filter(({ msg }) => msg.startsWith("export ")),
  }
}

const lookSchema = z.object({ code: z.string().optional(), redis: z.string().optional() })
const lineSchema = z.object({
  level: z.string(),
  msg: z.string(),
  code: z.string().optional(),
  error: z.object({ code: z.string().optional() }).optional(),
  connection: z.string().optional(),
  retries: z.number().optional(),
})
const outcome = (name: string) => `upstream_requests_total{outcome="${name}"}`
const failed = (code: string) => `exports_failed_total{code="${code}"}`
const responses = (route: string, status: number) =>
  `http_requests_total{route="/v1/integrations/mailchimp/${route}",status="${status}"}`

describe.concurrent("a planted fault shows itself as docs/on-call.md says", () => {
  test("this server's address is blocked", async () => {
    await using world = await startWorld()
    const before = await look(world.service)
    world.sandbox.faults.add({
      match: { path: "/3.0" },
      action: { kind: "html", status: 403, page: "akamai" },
      times: Infinity,
    })
    const statuses = await world.exportBoth()
    const seen = await look(world.service)
    expect(seen.ready).toEqual([200, {}])
    expect(seen.metric("database_up")).toBe(1)
    expect(seen.metric(outcome("blocked"))).toBeGreaterThan(5)
    expect(seen.metric(outcome("ok"))).toBe(before.metric(outcome("ok")))
    expect(seen.metric('upstream_users{state="timing_out"}')).toBe(0)
    // An export that waits for its turn among the retries of another one gives up with the second code.
    const codes = ["mailchimp_blocked", "mailchimp_throttled"]
    expect(codes.reduce((sum, code) => sum + seen.metric(failed(code)), 0)).toBe(statuses.length)
    expect(seen.errors.filter((code) => !codes.includes(code))).toEqual([])
    expect(seen.errors).toHaveLength(statuses.length)
  }, 120_000)

  test.each(["refuses connections", "responds with 500"])(
    "Mailchimp is down: it %s",
    async (how) => {
      await using world = await startWorld()
      const before = await look(world.service)
      if (how === "refuses connections") await world.stop()
      else
        world.sandbox.faults.add({
          match: { path: "/3.0" },
          action: { kind: "problem", problem: "internal_server_error" },
          times: Infinity,
        })
      expect(await world.exportBoth()).toEqual([502, 502])
      const seen = await look(world.service)
      expect(seen.ready).toEqual([200, {}])
      expect(seen.metric("database_up")).toBe(1)
      const kind = how === "refuses connections" ? "connection_failed" : "server_error"
      expect(seen.metric(outcome(kind))).toBeGreaterThan(5)
      expect(seen.metric(outcome("ok"))).toBe(before.metric(outcome("ok")))
      expect(seen.metric('upstream_users{state="timing_out"}')).toBe(0)
      expect(seen.metric(failed("mailchimp_error"))).toBe(2)
      expect(seen.errors).toEqual(["mailchimp_error", "mailchimp_error"])
    },
    120_000,
  )

  test("one account is slow", async () => {
    await using world = await startWorld()
    const { sandbox, service, slow, other } = world
    sandbox.faults.add({ match: { listId: slow.listId }, action: { kind: "hang" }, times: Infinity })
    const exporting = statusOfExport(service, slow.headers)
    await until("two time-outs", async () => (await look(service)).metric(outcome("timed_out")) >= 2, {
      everyMs: 100,
    })
    expect(await statusOfExport(service, other.headers)).toBe(200)
    const seen = await look(service)
    expect(seen.metric('upstream_users{state="timing_out"}')).toBe(1)
    expect(seen.metric('upstream_users{state="all"}')).toBe(2)
    expect(seen.metric('exports_total{outcome="completed"}')).toBe(1)
    // Its own requests that timed out may still hold Mailchimp's connections: then it gives up with a 503.
    expect([503, 504]).toContain(await exporting)
    const ends = (await look(service)).exports.filter(({ connection }) => connection !== undefined)
    expect(ends.map(({ msg }) => msg)).toEqual(["export completed", "export refused"])
    expect(ends[0]?.retries).toBe(0)
    expect(ends[1]?.retries).toBeGreaterThan(2)
  }, 120_000)

  test("the file of the database was removed", async () => {
    const folder = temporaryFolder()
    const path = join(folder.path, "export.sqlite")
    await using world = await startWorld({ SQLITE_PATH: path })
    rmSync(path)
    await until("a 503 of /readyz", async () => (await look(world.service)).ready[0] === 503, { everyMs: 50 })
    // It is still open, and what is stored in it now is lost.
    expect(await world.exportBoth()).toEqual([200, 200])
    const seen = await look(world.service)
    expect(seen.ready).toEqual([503, { code: "database_unavailable" }])
    expect(seen.metric("database_up")).toBe(0)
    expect(new Set(seen.errors)).toEqual(new Set(["database_unavailable"]))
    folder.remove()
  }, 60_000)

  describeWithFerretdb("MongoDB", () => {
    test(
      "the database is gone",
      async () => {
        const database = await startFragileFerretdb()
        {
          await using world = await startWorld({
            MONGODB_URI: `mongodb://${database.host}/on_call`,
            MAILCHIMP_TIMEOUT_MS: "20000",
          })
          const { service, slow, other, sandbox } = world
          sandbox.settings.latencyMs = 2000
          const running = statusOfExport(service, slow.headers)
          await until("a page", () => sandbox.traffic.log.some(({ path }) => path.endsWith("/members")))
          await database.kill9()
          expect(await statusOfExport(service, other.headers)).toBe(503)
          await expect(connectAccount(service)).rejects.toThrow("503")
          const seen = await look(service)
          expect(seen.ready).toEqual([503, { code: "database_unavailable" }])
          expect(seen.metric("database_up")).toBe(0)
          for (const route of ["export", "auth/login"]) expect(seen.metric(responses(route, 503))).toBe(1)
          expect(seen.errors).toContain("database_unavailable")
          expect(await running).toBe(200)
          expect((await look(service)).metric('exports_total{outcome="completed"}')).toBe(1)
        }
        await database.stop()
      },
      buildTimeoutMs,
    )
  })

  describeWithRedis("Redis", () => {
    test("Redis is gone", async () => {
      const redis = await startRedis()
      await using world = await startWorld({ REDIS_URL: redis.url })
      await redis.kill9()
      expect(await world.exportBoth()).toEqual([200, 200])
      const seen = await look(world.service)
      expect(seen.ready).toEqual([200, { redis: "down" }])
      expect([seen.metric("redis_up"), seen.metric("database_up")]).toEqual([0, 1])
      expect(seen.metric('incidents_total{type="redis_down"}')).toBe(1)
      expect(seen.metric('exports_total{outcome="completed"}')).toBe(2)
      expect(seen.metric('upstream_wait_seconds_total{reason="permit"}')).toBeGreaterThan(5)
      expect(seen.errors).toHaveLength(1)
    }, 120_000)
  })
})
