import { expect, test } from "bun:test"
import { AppError, errorTable } from "../../src/errors.ts"
import { systemClock } from "../../src/lib/time.ts"
import { createMetrics } from "../../src/observability/metrics.ts"
import type { Readings } from "../../src/observability/metrics/gauges.ts"
import type { Observe } from "../../src/observability/observe.ts"

type Event = Parameters<Observe>[0]

const readings: Readings = {
  limiterStates: () => [],
  openExports: () => 0,
  countOpenJobs: async () => ({ queued: 0, running: 0 }),
  ping: async () => {},
  isRedisUp: undefined,
  openFollowers: () => 0,
  clock: systemClock,
}
const limiter = { permits: 10, inUse: 2, kept: 1, waiting: 3, flows: 1, pausedMs: 0 }
const usage = { connectionId: "c1", durationMs: 1500, requests: 7, retries: 2, waitedMs: 300 }
const response = {
  type: "response",
  action: "read the members",
  kind: undefined,
  durationMs: 20,
  bytes: 1000,
  waitedMs: 0,
  waitedFor: undefined,
  clockAheadMs: 4200,
} as const

/** The series of a scrape after the given events, without the prefix of their names. */
async function scrape(
  events: readonly Event[],
  changes: Partial<Readings> = {},
): Promise<Map<string, number>> {
  const metrics = createMetrics()
  metrics.read({ ...readings, ...changes })
  for (const event of events) metrics.observe(event)
  const lines = (await metrics.scrape()).split("\n").filter((line) => line !== "" && !line.startsWith("#"))
  return new Map(
    lines.map((line) => {
      const [, name = "", value] = /^(?:mailchimp_export_)?(.*) (\S+)$/.exec(line) ?? []
      return [name, Number(value)]
    }),
  )
}

const exported = (event: Extract<Event, { type: "export" }>["event"]): Event => ({
  type: "export",
  requestId: "r1",
  event,
})
const request = (route: string, status: number): Event => ({
  type: "request",
  requestId: "r1",
  method: "GET",
  route,
  status,
  durationMs: 300,
  error: undefined,
})

test("an export is counted by its end, its pages by rows and bytes", async () => {
  const end = { rows: 3, bytes: 30, usage }
  const error = new AppError("mailchimp_blocked", "Cannot read the lists")
  const series = await scrape(
    [
      { type: "begins" } as const,
      { type: "page", listId: "a1", rows: 2, bytes: 20 } as const,
      { type: "page", listId: "a1", rows: 1, bytes: 10 } as const,
      { type: "list_failed", listId: "a1", error } as const,
      { type: "stalled" } as const,
      { type: "completed", shortLists: [], ...end } as const,
      { type: "left", ...end } as const,
      { type: "failed", error, ...end } as const,
      { type: "refused", error: new Error("x"), ...end } as const,
    ].map(exported),
  )
  expect(Object.fromEntries(series)).toMatchObject({
    pages_total: 2,
    rows_total: 3,
    bytes_total: 30,
    'lists_total{outcome="failed"}': 1,
    exports_stalled_total: 1,
    'exports_total{outcome="completed"}': 1,
    'exports_total{outcome="left"}': 1,
    'exports_total{outcome="failed"}': 1,
    'exports_total{outcome="refused"}': 1,
    'exports_failed_total{code="mailchimp_blocked"}': 1,
    'exports_failed_total{code="internal_error"}': 1,
    'exports_duration_seconds_bucket{le="1"}': 0,
    'exports_duration_seconds_bucket{le="10"}': 4,
  })
})

test("requests to Mailchimp are counted by outcome, their waits by reason", async () => {
  const series = await scrape(
    [
      response,
      { ...response, kind: "blocked", waitedFor: "permit", waitedMs: 1500, clockAheadMs: undefined } as const,
      { type: "retry", action: "read the members", kind: "blocked", attempt: 1, delayMs: 2000 } as const,
    ].map((event) => ({ type: "mailchimp", event })),
  )
  expect(Object.fromEntries(series)).toMatchObject({
    'upstream_requests_total{outcome="ok"}': 1,
    'upstream_requests_total{outcome="blocked"}': 1,
    'upstream_retries_total{kind="blocked"}': 1,
    'upstream_waits_total{reason="permit"}': 1,
    'upstream_wait_seconds_total{reason="permit"}': 1.5,
    'upstream_wait_seconds_total{reason="retry"}': 2,
    upstream_response_bytes_total: 2000,
    clock_difference_seconds: 4,
  })
})

test("permits, waiting requests, open exports and open jobs are read for each scrape", async () => {
  const series = await scrape([], {
    limiterStates: () => [limiter, { ...limiter, kept: 0, waiting: 0, pausedMs: 5000 }],
    openExports: () => 12,
    countOpenJobs: async () => ({ queued: 4, running: 2 }),
    isRedisUp: async () => false,
  })
  expect(Object.fromEntries(series)).toMatchObject({
    'upstream_permits{state="in_use"}': 4,
    'upstream_permits{state="kept"}': 1,
    'upstream_permits{state="free"}': 15,
    upstream_requests_waiting: 3,
    'upstream_users{state="all"}': 2,
    'upstream_users{state="waiting"}': 1,
    'upstream_users{state="paused"}': 1,
    'upstream_users{state="timing_out"}': 1,
    exports_open: 12,
    'jobs_open{state="queued"}': 4,
    database_up: 1,
    redis_up: 0,
  })
})

test("what following does is counted, the lag only of passes that a delivery caused", async () => {
  const pass = { connectionId: "c1", lists: 1, woken: 1, rows: 3, deleted: 1, followers: 2, durationMs: 10 }
  const series = await scrape(
    [
      { type: "follow_pass", ...pass, lagMs: 1500 },
      { type: "follow_pass", ...pass, lagMs: undefined },
      { type: "follower_ended", requestId: "r1", error: undefined },
      { type: "follower_ended", requestId: "r2", error: new AppError("draining", "Shutting down") },
    ],
    { openFollowers: () => 5 },
  )
  expect(Object.fromEntries(series)).toMatchObject({
    follow_passes_total: 2,
    follow_rows_total: 6,
    follow_deletions_total: 2,
    follow_lag_seconds_count: 1,
    follow_lag_seconds_sum: 1.5,
    'followers_ended_total{code="left"}': 1,
    'followers_ended_total{code="draining"}': 1,
    followers_open: 5,
  })
})

test("every series of which an alert would miss the first increase begins at 0", async () => {
  const alerts = await Bun.file(new URL("../../docs/alerts.yaml", import.meta.url)).text()
  const named = [...alerts.matchAll(/mailchimp_export_(\w+_total)\{(\w+)=~?"([^"]+)"\}/g)]
  const names = named.flatMap(([, metric = "", label = "", values = ""]) =>
    values.split("|").map((value) => `${metric}{${label}="${value}"}`),
  )
  // Of requests, which have a route as well, an alert needs more than ten.
  const expected = names.filter((name) => !name.startsWith("http_requests_total"))
  expect(expected.length).toBeGreaterThan(10)
  const series = await scrape([])
  for (const name of expected) expect([name, series.get(name)]).toEqual([name, 0])
})

test("a database that fails, or hangs for a second, is down, and its jobs are not counted", async () => {
  const failing = async () => Promise.reject(new AppError("database_unavailable", "Cannot reach it"))
  const hanging = () => new Promise<never>(() => {})
  for (const database of [failing, hanging]) {
    const series = await scrape([], { ping: database, countOpenJobs: database })
    expect(series.get("database_up")).toBe(0)
    expect([...series.keys()].filter((name) => name.startsWith("jobs_open"))).toEqual([])
  }
})

test("a thousand accounts, with every route, status, code and kind, have at most 500 series, and none names them", async () => {
  const routes = Array.from({ length: 20 }, (_, index) => `/v1/integrations/mailchimp/route-${index}`)
  const statuses = [200, 302, 400, 401, 404, 429, 499, 503]
  const kinds = ["throttled", "blocked", "timed_out", "server_error", "connection_failed"] as const
  const codes = [
    "mailchimp_error",
    "mailchimp_blocked",
    "mailchimp_timeout",
    "mailchimp_throttled",
    "draining",
  ] as const
  expect(Object.keys(errorTable)).toContain(codes[0])
  const events = Array.from({ length: 1000 }, (_, index): Event[] => {
    const connectionId = `connection-${index}`
    const listId = `list-${index}`
    const kind = kinds[index % kinds.length] ?? "blocked"
    const error = new AppError(codes[index % codes.length] ?? "draining", "Cannot export")
    const end = { rows: 1, bytes: 1, error, usage: { ...usage, connectionId } }
    return [
      request(routes[index % 20] ?? "", statuses[Math.floor(index / 20) % 8] ?? 200),
      exported({ type: index % 2 ? "failed" : "refused", ...end }),
      { type: "mailchimp", event: { ...response, kind, waitedFor: index % 2 ? "permit" : "rate_limit" } },
      { type: "mailchimp", event: { type: "retry", action: "x", kind, attempt: 1, delayMs: 1 } },
      { type: "delivery", connectionId, listId, kind: index % 2 ? "subscribe" : "cleaned" },
      { type: "token_not_opened", connectionId, error },
    ]
  }).flat()
  const series = await scrape(events, { limiterStates: () => Array.from({ length: 1000 }, () => limiter) })
  expect(series.size).toBeGreaterThan(300)
  expect(series.size).toBeLessThanOrEqual(500)
  expect([...series.keys()].filter((name) => /connection-|list-|r1/.test(name))).toEqual([])
})
