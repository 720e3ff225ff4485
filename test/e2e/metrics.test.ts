import { afterAll, expect, test } from "bun:test"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { describeWithPrometheus, promtool, startPrometheus } from "../support/prometheus.ts"
import { connectAccount, sandboxEnv, startService } from "../support/service.ts"
import { until } from "../support/until.ts"

const mailchimp = startSandbox({
  decision: "approve",
  accounts: [{ lists: [{ name: "People", count: 300 }] }],
})
const METRICS_TOKEN = "only-for-prometheus"
const production = {
  ...sandboxEnv(mailchimp),
  NODE_ENV: "production",
  TOKEN_KEYS: `k1:${Buffer.alloc(32, 9).toString("base64")}`,
  MAILCHIMP_PAGE_SIZE: "100",
}
const service = await startService({ ...production, METRICS_TOKEN })
const headers = await connectAccount(service)
afterAll(async () => {
  await service.stop()
  await mailchimp.stop()
})

const scrape = (authorization: string) => fetch(`${service.url}/metrics`, { headers: { authorization } })
const alerts = await Bun.file(new URL("../../docs/alerts.yaml", import.meta.url)).text()

test("in production /metrics is a 404 without METRICS_TOKEN, and not in /openapi.json", async () => {
  const closed = await startService(production)
  expect((await fetch(`${closed.url}/metrics`)).status).toBe(404)
  expect(await (await fetch(`${closed.url}/openapi.json`)).text()).not.toContain("/metrics")
  await closed.stop()
})

test("elsewhere /metrics is open if METRICS_TOKEN is not set", async () => {
  const open = await startService(sandboxEnv(mailchimp))
  const response = await fetch(`${open.url}/metrics`)
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8")
  expect(await response.text()).toContain("\nmailchimp_export_exports_open 0\n")
  await open.stop()
})

test("only METRICS_TOKEN opens /metrics, not the JWT of a caller", async () => {
  for (const wrong of [
    "",
    METRICS_TOKEN,
    `Bearer ${METRICS_TOKEN}x`,
    "Bearer ",
    headers["authorization"] ?? "",
  ]) {
    const response = await scrape(wrong)
    expect([wrong, response.status]).toEqual([wrong, 401])
    expect(await response.json()).toMatchObject({ code: "unauthorized" })
  }
  expect((await scrape(`Bearer ${METRICS_TOKEN}`)).status).toBe(200)
  expect((await scrape(`bearer ${METRICS_TOKEN}`)).status).toBe(200)
})

test("the metrics of the process are real", async () => {
  // Each scrape begins a new measurement of the event loop.
  const isPositive = async (name: string) => {
    const page = await (await scrape(`Bearer ${METRICS_TOKEN}`)).text()
    return Number(new RegExp(`^${name} (.+)$`, "m").exec(page)?.[1]) > 0
  }
  for (const name of [
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "nodejs_eventloop_lag_max_seconds",
  ])
    await until(name, () => isPositive(name), { everyMs: 100 })
})

test("each metric that an alert names exists", async () => {
  const page = await (await scrape(`Bearer ${METRICS_TOKEN}`)).text()
  const named = [...alerts.matchAll(/\b(?:mailchimp_export|nodejs|process)_\w+/g)].map(([name]) => name)
  expect(named.length).toBeGreaterThan(15)
  for (const name of named) expect(page).toContain(`\n# TYPE ${name} `)
})

describeWithPrometheus("Prometheus", () => {
  test("promtool finds nothing wrong with the metrics or the alerts", async () => {
    await (await fetch(`${service.api}/export`, { headers })).text()
    const page = await (await scrape(`Bearer ${METRICS_TOKEN}`)).text()
    expect(await promtool(["check", "metrics"], page)).toEqual([0, ""])
    const [exitCode, output] = await promtool(["check", "rules", "docs/alerts.yaml"])
    expect([exitCode, output]).toEqual([
      0,
      expect.stringContaining(`SUCCESS: ${ruleNames().length} rules found`),
    ])
  })

  test("a real Prometheus scrapes the service, counts the rows of exports, and evaluates the alerts", async () => {
    const prometheus = await startPrometheus(service, METRICS_TOKEN)
    const rows = async () => (await prometheus.query("mailchimp_export_rows_total"))[0] ?? -1
    await until("a scrape", async () => (await rows()) >= 0)
    expect(await prometheus.query('up{job="mailchimp-export"}')).toEqual([1])
    const before = await rows()
    const exported = await (await fetch(`${service.api}/export`, { headers })).text()
    const added = exported.trimEnd().split("\n").length
    expect(added).toBeGreaterThan(200)
    await until("the rows of the export", async () => (await rows()) === before + added)
    const isFiring = async (alert: string) =>
      (await (await prometheus.get("/api/v1/alerts")).text()).includes(`"alertname":"${alert}"`)
    // An alert about the first event of a process, which is one alone.
    service.services.observe({ type: "token_not_opened", connectionId: "c1", error: new Error("no key") })
    await until("the alert of a token that cannot be opened", () => isFiring("TokensNotOpened"))
    await service.services.close()
    await until("the alert of a database that is down", () => isFiring("DatabaseDown"))
    await prometheus.stop()
  })
})

function ruleNames(): string[] {
  return [...alerts.matchAll(/- alert: (\w+)/g)].map(([, name = ""]) => name)
}
