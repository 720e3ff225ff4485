import { collectDefaultMetrics, type Registry } from "prom-client"

/** Of prom-client's own metrics those that are right on Bun and that dashboards know. */
const kept: ReadonlySet<string> = new Set([
  // The others of the CPU are set when this one is read.
  "process_cpu_user_seconds_total",
  "process_cpu_seconds_total",
  "process_resident_memory_bytes",
  "process_start_time_seconds",
  // The others of the event loop are set when this one is read.
  "nodejs_eventloop_lag_seconds",
  "nodejs_eventloop_lag_p50_seconds",
  "nodejs_eventloop_lag_p99_seconds",
  "nodejs_eventloop_lag_max_seconds",
])

/** The process and its event loop. How long the loop was late is counted from one scrape to the next. */
export function createProcessMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry })
  for (const { name } of registry.getMetricsAsArray()) if (!kept.has(name)) registry.removeSingleMetric(name)
}
