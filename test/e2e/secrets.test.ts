import { afterAll, expect, test } from "bun:test"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { createBrowser } from "../support/browser.ts"
import { startCollector } from "../support/collector.ts"
import { bearer, jwtSecret, sandboxEnv, startService } from "../support/service.ts"

const mailchimp = startSandbox({
  decision: "approve",
  accounts: [{ loginEmail: "ada@example.com", lists: [{ name: "People", count: 300 }] }],
})
const TOKEN_KEYS = `k1:${Buffer.alloc(32, 9).toString("base64")}`
const METRICS_TOKEN = "only-for-prometheus"
const collector = startCollector()
const service = await startService({
  ...sandboxEnv(mailchimp),
  TOKEN_KEYS,
  METRICS_TOKEN,
  MAILCHIMP_PAGE_SIZE: "50",
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
})
afterAll(async () => {
  await collector.stop()
  await mailchimp.stop()
})

/** Everything that the service said except the members: problems, and the URLs to which it redirected browsers. */
const said: string[] = []
const secrets = new Set<string>()

const { sandbox } = mailchimp
const headers = await bearer("ada")
const browser = createBrowser()
const [account] = sandbox.state.accounts
const [list] = account?.lists ?? []

/** Goes through a whole login and records every state and code on the way. */
async function login(): Promise<string> {
  let next = `${service.api}/auth/login?forward_url=${encodeURIComponent("https://app.example.com/done")}`
  for (let first = true; new URL(next).hostname === "127.0.0.1"; first = false) {
    const response = await browser.visit(next, first ? headers : {})
    next = response.headers.get("location") ?? "https://lost.example"
    for (const name of ["state", "code"]) {
      const value = new URL(next).searchParams.get(name)
      if (value !== null) secrets.add(value)
    }
  }
  said.push(next)
  return next
}

async function call(path: string, init: RequestInit = {}): Promise<number> {
  const response = await fetch(service.api + path, { ...init, headers })
  const body = await response.text().catch((error: unknown) => String(error))
  if (!path.startsWith("/export") || !response.ok) said.push(body)
  return response.status
}

test("no address, token, code or secret of a whole run, with all its failures, is in a log line, an error, a URL of ours, a metric or a span", async () => {
  sandbox.settings.decision = "deny"
  expect(await login()).toContain("reason=access_denied")
  sandbox.settings.decision = "approve"
  sandbox.faults.add({ match: { path: "/oauth2/token" }, action: { kind: "html", status: 502 } })
  expect(await login()).toContain("reason=exchange_failed")
  sandbox.faults.add({
    match: { path: "/oauth2/metadata" },
    action: {
      kind: "json",
      status: 200,
      body: { error: "invalid_token", error_description: "Not ada@example.com's" },
    },
    times: 9,
  })
  expect(await login()).toContain("reason=metadata_invalid")
  sandbox.faults.clear()
  expect(await login()).toContain("status=success")
  for (const token of account?.tokens.keys() ?? []) secrets.add(token)

  expect(await call("/auth")).toBe(200)
  expect(await call("/lists")).toBe(200)
  expect(await call("/export")).toBe(200)
  expect(await call("/export?fields=ada@example.com")).toBe(400)
  expect(await call("/callback?state=forged&code=stolen@example.com")).toBe(400)
  for (const kind of ["cut", "bad_json"] as const) {
    sandbox.faults.add({ match: { path: "/members" }, action: { kind }, skip: 1 })
    expect(await call(`/export/${list?.id}`)).toBe(200)
  }
  sandbox.faults.add({
    match: { path: "/members" },
    action: { kind: "problem", problem: "forbidden" },
    skip: 2,
  })
  expect(await call(`/export/${list?.id}`)).toBe(200)
  sandbox.revoke(account?.userId ?? 0)
  expect(await call("/export")).toBe(409)
  expect(await call("/auth", { method: "DELETE" })).toBe(200)

  const metrics = await fetch(`${service.url}/metrics`, {
    headers: { authorization: `Bearer ${METRICS_TOKEN}` },
  })
  said.push(await metrics.text())
  expect(said.at(-1)).toContain('exports_failed_total{code="connection_invalidated"} 1')
  // The last spans are sent when the service stops.
  await service.stop()
  expect(collector.spans.map(({ name }) => name)).toContain("page")
  expect(collector.bodies.join()).toContain('"connection_invalidated"')

  secrets.add(METRICS_TOKEN)
  secrets.add(jwtSecret)
  secrets.add(TOKEN_KEYS.slice(3))
  secrets.add("sandbox-secret")
  secrets.add(headers["authorization"]?.slice("Bearer ".length) ?? "")
  for (const { row } of sandbox.truth(list?.id ?? "").members()) secrets.add(JSON.parse(row).email_address)
  secrets.add("ada@example.com")
  expect(secrets.size).toBeGreaterThan(300)
  expect(service.log.length).toBeGreaterThan(30)

  const everything = [...service.log, ...said, ...collector.bodies].join("\n")
  expect(
    [...secrets].filter(
      (secret) => everything.includes(secret) || everything.includes(encodeURIComponent(secret)),
    ),
  ).toEqual([])
  expect(everything).not.toMatch(/[\w.]@[\w]/)
  expect(everything).not.toMatch(/%40|stolen/)
})
