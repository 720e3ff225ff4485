/**
 * What metrics and traces cost: an export by a service that has both, scraped every five seconds and with a collector, beside one
 * that has neither, in alternating pairs; and a scrape with a thousand accounts.
 */
import { systemClock } from "../../src/lib/time.ts"
import { createLimiters } from "../../src/mailchimp/limiter/limiters.ts"
import { createMetrics } from "../../src/observability/metrics.ts"
import { startCollector } from "../support/collector.ts"
import { consume } from "./support/consumer.ts"
import { cpuSeconds } from "./support/process-stats.ts"
import { startPageCache, startSandboxProcess } from "./support/sandbox-process.ts"
import { startServiceUnderLoad } from "./support/service-under-load.ts"
import { measuredHead, median, printTable, sizeOf, spread } from "./support/table.ts"

const members = sizeOf("BENCH_MEMBERS", 300_000)
const pairs = sizeOf("BENCH_RUNS", 15)
const accounts = 1000
const METRICS_TOKEN = "only-for-benchmarks"

await using sandbox = await startSandboxProcess([members])
await using cache = await startPageCache(sandbox)
const collector = startCollector()
const env = { MAILCHIMP_API_URL: `${cache.url}/{dc}/3.0` }
await using off = await startServiceUnderLoad(sandbox, env)
await using on = await startServiceUnderLoad(sandbox, {
  ...env,
  METRICS_TOKEN,
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
})
const scraping = setInterval(() => {
  const headers = { authorization: `Bearer ${METRICS_TOKEN}` }
  void fetch(new URL("/metrics", on.api), { headers }).then((response) => response.text())
}, 5000)

const run = async ({ api, headers, pid }: typeof on) => {
  const before = cpuSeconds(pid)
  const { rows } = await consume(`${api}/export/${sandbox.lists[0]?.id}`, headers)
  return ((cpuSeconds(pid) - before) / rows) * 1e6
}
const seconds = { on: Array.of<number>(), off: Array.of<number>() }
// The first round fills the cache.
for (let pair = 0; pair <= pairs; pair += 1) {
  const isFirst = pair % 2 === 0
  for (const isOn of [isFirst, !isFirst]) {
    const measured = await run(isOn ? on : off)
    if (pair > 0) seconds[isOn ? "on" : "off"].push(measured)
  }
}
clearInterval(scraping)

const limiters = createLimiters()
for (let user = 0; user < accounts; user += 1) limiters.join({ dc: "us1", userId: String(user) })
const metrics = createMetrics()
metrics.read({
  limiterStates: limiters.states,
  openExports: () => accounts,
  countOpenJobs: async () => ({ queued: 1, running: 1 }),
  ping: async () => {},
  isRedisUp: undefined,
  openFollowers: () => 0,
  clock: systemClock,
})
for (let route = 0; route < 20; route += 1)
  for (const status of [200, 302, 400, 401, 404, 429, 499, 503])
    metrics.observe({
      type: "request",
      requestId: "r1",
      method: "GET",
      route: `/route-${route}`,
      status,
      durationMs: 1,
      error: undefined,
    })
const scrapesMs: number[] = []
for (let scrape = 0; scrape < 50; scrape += 1) {
  const startedMs = performance.now()
  await metrics.scrape()
  scrapesMs.push(performance.now() - startedMs)
}

const ratios = seconds.on.map((value, pair) => value / (seconds.off[pair] ?? Number.NaN))
printTable(`Telemetry: ${pairs} pairs`, measuredHead, [
  ["CPU seconds a million members, without metrics and traces", spread(seconds.off, " s", 2)],
  ["with both", spread(seconds.on, " s", 2)],
  ["the ratio of a pair", spread(ratios, " ×", 3), "1.05 ×"],
  [`a scrape with ${accounts} accounts`, spread(scrapesMs, " ms"), "20 ms"],
])
if (collector.spans.length === 0) throw new Error("The collector received no spans")
await collector.stop()
if (median(ratios) > 1.05 || median(scrapesMs) > 20) process.exitCode = 1
