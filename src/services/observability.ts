import type { Config } from "../config.ts"
import type { MetricsPage } from "../http/routes/metrics.ts"
import type { Clock } from "../lib/time.ts"
import { logEvents } from "../observability/log-events.ts"
import type { Logger } from "../observability/logger.ts"
import { createMetrics, type Metrics } from "../observability/metrics.ts"
import type { Readings } from "../observability/metrics/gauges.ts"
import type { Observe } from "../observability/observe.ts"

/** The consumers of events: the log, the metrics unless nobody may read them, and the traces if there is a collector. */
export async function createObservability(config: Config, logger: Logger, clock: Clock) {
  const metrics = config.metrics === undefined ? undefined : createMetrics()
  const traces = await openTraces(config.tracesEndpoint, clock)
  const consumers: Observe[] = [
    logEvents(logger),
    ...(metrics === undefined ? [] : [metrics.observe]),
    ...(traces === undefined ? [] : [traces.observe]),
  ]
  const observe: Observe = (event) => {
    for (const consume of consumers) consume(event)
  }
  return { observe, metrics, closeTraces: async () => traces?.close() }
}

/** OpenTelemetry is loaded only if it is used. */
async function openTraces(endpoint: string | undefined, clock: Clock) {
  if (endpoint === undefined) return undefined
  const { createTraces } = await import("../observability/traces.ts")
  return createTraces(endpoint, clock)
}

/** The metrics with what is read from the service for each scrape, and who may read them. */
export function createMetricsPage(
  config: Config,
  metrics: Metrics | undefined,
  readings: Readings,
): MetricsPage | undefined {
  if (config.metrics === undefined || metrics === undefined) return undefined
  metrics.read(readings)
  return { ...config.metrics, ...metrics }
}
