import type { EventLine, EventLineOf } from "../../exports/event-lines.ts"

const cursor = "eyJ…"

/** A line of each kind. */
export const eventExamples: { readonly [Kind in EventLine["$export"]]: EventLineOf<Kind> } = {
  start: {
    $export: "start",
    id: "0198c1de-…",
    horizon: "2026-01-31T08:00:00Z",
    lists: [{ id: "a1b2c3d4e5", name: "Newsletter", estimate: 29912 }],
  },
  checkpoint: { $export: "checkpoint", cursor, rows: 1000 },
  progress: {
    $export: "progress",
    rows: 1000,
    estimate: 29912,
    requests: 12,
    waiting_for: "rate_limit",
  },
  deleted: {
    $export: "deleted",
    list_id: "f6a7b8c9d0",
    at: "2026-01-31T08:00:04Z",
    reason: "list_deleted",
  },
  list_error: {
    $export: "list_error",
    list_id: "f6a7b8c9d0",
    code: "mailchimp_error",
    detail: "Cannot read the members of the list because Mailchimp failed",
    retryable: true,
    upstream: { status: 500, title: "Internal Server Error" },
  },
  error: {
    $export: "error",
    code: "mailchimp_timeout",
    detail: "Cannot continue because Mailchimp took too long: resume with the cursor",
    retryable: true,
    cursor,
  },
  end: {
    $export: "end",
    status: "complete",
    rows: 29912,
    lists: [{ id: "a1b2c3d4e5", rows: 29912, total_items: 29912, as_of: "2026-01-31T08:00:31Z" }],
    cursor,
    duration_ms: 31250,
  },
  caught_up: { $export: "caught_up", as_of: "2026-01-31T08:00:31Z", cursor, interval_s: 60 },
}
