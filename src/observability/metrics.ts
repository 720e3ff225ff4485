import { Registry } from "prom-client"
import { createExportMetrics } from "./metrics/export-metrics.ts"
import { createFollowMetrics } from "./metrics/follow-metrics.ts"
import { createGauges, type Readings } from "./metrics/gauges.ts"
import {
  createDeliveryMetrics,
  createIncidentMetrics,
  createLoginMetrics,
} from "./metrics/incident-metrics.ts"
import { createInstruments } from "./metrics/instruments.ts"
import { createJobMetrics } from "./metrics/job-metrics.ts"
import { createMailchimpMetrics } from "./metrics/mailchimp-metrics.ts"
import { createProcessMetrics } from "./metrics/process-metrics.ts"
import { createRequestMetrics } from "./metrics/request-metrics.ts"
import type { Observe } from "./observe.ts"

/** Prometheus metrics: counted from events, and read from the service for each scrape. */
export type Metrics = {
  readonly observe: Observe
  /** Names what is read for each scrape, because it exists only after what reports events. */
  read(service: Readings): void
  /** The text of a scrape, in the format whose media type `contentType` is. */
  scrape(): Promise<string>
  readonly contentType: string
}

/** No label may name an account, a user, a list or a connection: a thousand accounts have as many series as one. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  createProcessMetrics(registry)
  const instruments = createInstruments(registry)
  return {
    observe: createObserve(instruments),
    read: (service) => createGauges(instruments, service),
    scrape: () => registry.metrics(),
    contentType: registry.contentType,
  }
}

function createObserve(instruments: ReturnType<typeof createInstruments>): Observe {
  const request = createRequestMetrics(instruments)
  const exported = createExportMetrics(instruments)
  const mailchimp = createMailchimpMetrics(instruments)
  const job = createJobMetrics(instruments)
  const delivery = createDeliveryMetrics(instruments)
  const login = createLoginMetrics(instruments)
  const follow = createFollowMetrics(instruments)
  const incident = createIncidentMetrics(instruments)
  return (event) => {
    switch (event.type) {
      case "request":
        return request(event)
      case "export":
        return exported(event)
      case "mailchimp":
        return mailchimp(event)
      case "login_failed":
        return login(event)
      case "delivery":
      case "deliveries_unsigned":
        return delivery(event)
      case "job_queued":
      case "job_begins":
      case "job_ended":
        return job(event)
      case "follow_pass":
      case "follower_ended":
        return follow(event)
      case "job_left":
      case "jobs_run_here":
      case "job_files_up":
      case "jobs_run_elsewhere":
      case "job_workers_seen":
      case "redis_up":
        return
      default:
        return incident(event)
    }
  }
}
