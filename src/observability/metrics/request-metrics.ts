import type { EventOf } from "../observe.ts"
import type { Instruments } from "./instruments.ts"

/** The requests that callers, browsers, Mailchimp's deliveries and probes send to this service. */
export function createRequestMetrics({ counter, histogram }: Instruments) {
  const requests = counter("http_requests_total", "Requests to this service, by route and status", [
    "route",
    "status",
  ])
  const duration = histogram(
    "http_request_duration_seconds",
    "Until the response to a request begins: an export then continues streaming",
    { buckets: [0.05, 0.25, 1, 5, 30], labelNames: ["route"] },
  )
  return ({ route, status, durationMs }: EventOf<"request">) => {
    requests.inc({ route, status })
    duration.observe({ route }, durationMs / 1000)
  }
}
