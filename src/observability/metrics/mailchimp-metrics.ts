import type { MailchimpErrorKind } from "../../mailchimp/errors.ts"
import type { EventOf } from "../observe.ts"
import type { Instruments } from "./instruments.ts"

/** The failures that alerts are about. */
const alarming: readonly MailchimpErrorKind[] = [
  "throttled",
  "blocked",
  "blocked_page",
  "server_error",
  "unusable_response",
  "connection_failed",
  "timed_out",
  "proxy_refused",
]

/** The requests that this service sends to Mailchimp, with what they wait for. */
export function createMailchimpMetrics({ counter, gauge, histogram }: Instruments) {
  const requests = counter(
    "upstream_requests_total",
    "Requests to Mailchimp: ok, or how they failed, such as throttled, blocked, timed_out",
    ["outcome"],
    ["ok", ...alarming],
  )
  const duration = histogram(
    "upstream_request_duration_seconds",
    "From sending a request to Mailchimp to the last byte of its response",
    { buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120] },
  )
  const bytes = counter("upstream_response_bytes_total", "Bytes of Mailchimp's responses, inflated")
  const retries = counter("upstream_retries_total", "Requests that are retried, by how they failed", ["kind"])
  const waits = counter(
    "upstream_waits_total",
    "Waits before a request: for a permit (a free connection), the rate_limit, or a retry",
    ["reason"],
  )
  const waited = counter("upstream_wait_seconds_total", "How long requests waited, by reason", ["reason"])
  const difference = gauge(
    "clock_difference_seconds",
    "How far Mailchimp's clock was ahead of ours at its latest response, to the second",
  )

  const wait = (reason: string, ms: number) => {
    waits.inc({ reason })
    waited.inc({ reason }, ms / 1000)
  }

  return ({ event }: EventOf<"mailchimp">) => {
    if (event.type === "response") {
      requests.inc({ outcome: event.kind ?? "ok" })
      duration.observe(event.durationMs / 1000)
      bytes.inc(event.bytes)
      if (event.waitedFor !== undefined) wait(event.waitedFor, event.waitedMs)
      if (event.clockAheadMs !== undefined) difference.set(Math.round(event.clockAheadMs / 1000))
    } else if (event.type === "retry") {
      retries.inc({ kind: event.kind })
      wait("retry", event.delayMs)
    }
  }
}
