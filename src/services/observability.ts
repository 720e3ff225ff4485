import type { Config } from "../config.ts"
import type { MetricsPage } from "../http/routes/metrics.ts"
import { logEvents } from "../observability/log-events.ts"
import type { Logger } from "../observability/logger.ts"
import { createMetrics, type Metrics } from "../observability/metrics.ts"
import type { Readings } from "../observability/metrics/gauges.ts"
import type { Observe } from "../observability/observe.ts"

/** The consumers of events: the log, and the metrics unless nobody may read them. */
export function createObservability(config: Config, logger: Logger) {
  const metrics = config.metrics === undefined ? undefined : createMetrics()
  const consumers: Observe[] = [logEvents(logger), ...(metrics === undefined ? [] : [metrics.observe])]
  const observe: Observe = (event) => {
    for (const consume of consumers) consume(event)
  }
  return { observe, metrics }
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
