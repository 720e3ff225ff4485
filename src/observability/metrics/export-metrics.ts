import { AppError } from "../../errors.ts"
import type { StreamEnd } from "../../exports/export-event.ts"
import type { EventOf } from "../observe.ts"
import type { Instruments } from "./instruments.ts"

/** Exports and slices, whether a caller reads them or a job does. */
export function createExportMetrics({ counter, histogram }: Instruments) {
  const pages = counter("pages_total", "Pages of members that were written")
  const rows = counter("rows_total", "Members that were written")
  const bytes = counter(
    "bytes_total",
    "Bytes of members as Mailchimp sent them, before a format or compression",
  )
  const lists = counter(
    "lists_total",
    "Lists that ended in an export: complete, short or failed",
    ["outcome"],
    ["complete", "short", "failed"],
  )
  const exports = counter(
    "exports_total",
    "Exports that ended: completed, failed, refused (before the first byte) or left by their consumer",
    ["outcome"],
    ["completed", "failed", "refused", "left"] satisfies StreamEnd["type"][],
  )
  const failures = counter(
    "exports_failed_total",
    "Exports that failed or were refused, by the code of the problem",
    ["code"],
  )
  const duration = histogram("exports_duration_seconds", "From the start of an export to its end", {
    buckets: [1, 10, 60, 300, 1800, 7200],
  })
  const stalled = counter(
    "exports_stalled_total",
    "Exports that were aborted because their consumer stopped reading",
  )

  return ({ event }: EventOf<"export">) => {
    if (event.type === "page") {
      pages.inc()
      rows.inc(event.rows)
      bytes.inc(event.bytes)
    } else if (event.type === "list") lists.inc({ outcome: event.isShort ? "short" : "complete" })
    else if (event.type === "list_failed") lists.inc({ outcome: "failed" })
    else if (event.type === "stalled") stalled.inc()
    else if (event.type !== "begins") {
      exports.inc({ outcome: event.type })
      duration.observe(event.usage.durationMs / 1000)
      if ("error" in event) failures.inc({ code: codeOf(event.error) })
    }
  }
}

function codeOf(error: unknown): string {
  return error instanceof AppError ? error.code : "internal_error"
}
