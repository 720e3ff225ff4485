import { AppError, type ErrorCode } from "../../errors.ts"
import type { EventOf } from "../observe.ts"
import type { Instruments } from "./instruments.ts"

/** What the log has as a warning or an error of its own, apart from requests, exports and jobs. */
const incidentTypes = [
  "connections_not_checked",
  "connection_not_updated",
  "disconnection_not_finished",
  "token_not_opened",
  "connection_malformed",
  "job_engine_failed",
  "job_purge_failed",
  "job_files_down",
  "job_stalled",
  "job_workers_missing",
  "redis_down",
  "follow_degraded",
] as const

type Incident = EventOf<(typeof incidentTypes)[number]>

export function createIncidentMetrics({ counter }: Instruments) {
  const incidents = counter(
    "incidents_total",
    "Warnings and errors that the log has under this type",
    ["type"],
    incidentTypes,
  )
  return ({ type }: Incident) => incidents.inc({ type })
}

/** Logins that failed. A login that succeeds is a redirect of /callback. */
export function createLoginMetrics({ counter }: Instruments) {
  const failed = counter("logins_failed_total", "Logins that failed, by the code of the problem", ["code"], [
    "exchange_failed",
    "metadata_invalid",
  ] satisfies ErrorCode[])
  return ({ failure }: EventOf<"login_failed">) =>
    failed.inc({ code: failure instanceof AppError ? failure.code : "internal_error" })
}

export function createDeliveryMetrics({ counter }: Instruments) {
  const deliveries = counter("deliveries_total", "Deliveries of webhooks that were stored, by kind", ["kind"])
  const unsigned = counter(
    "deliveries_unsigned_total",
    "Deliveries that were ignored because their signature was missing or wrong, counted once a minute",
  )
  return (event: EventOf<"delivery" | "deliveries_unsigned">) => {
    if (event.type === "delivery") deliveries.inc({ kind: event.kind })
    else unsigned.inc(event.count)
  }
}
