import { expect, test } from "bun:test"
import { AppError } from "../../src/errors.ts"
import { logEvents } from "../../src/observability/log-events.ts"
import { createLogger } from "../../src/observability/logger.ts"
import type { Observe } from "../../src/observability/observe.ts"

/** The log line of an event, without its time. */
function lineOf(event: Parameters<Observe>[0]): Record<string, unknown> {
  const lines: string[] = []
  logEvents(createLogger("debug", { write: (line) => void lines.push(line) }))(event)
  expect(lines).toHaveLength(1)
  const { time, ...line } = JSON.parse(lines.join(""))
  expect(time).toBeString()
  return line
}

const request = {
  type: "request",
  requestId: "r1",
  method: "GET",
  route: "/v1/integrations/mailchimp/export/:id",
  durationMs: 1.6,
} as const
const requestLine = {
  request_id: "r1",
  method: "GET",
  route: "/v1/integrations/mailchimp/export/:id",
  duration_ms: 2,
}
const failure = new AppError("mailchimp_error", "Cannot read the lists because Mailchimp failed")

test("a request has one line; only an error of ours or of Mailchimp has its details", () => {
  expect(lineOf({ ...request, status: 200, error: undefined })).toEqual({
    ...requestLine,
    level: "info",
    status: 200,
    msg: "request",
  })
  expect(
    lineOf({ ...request, status: 404, error: new AppError("list_not_found", "Cannot find it") }),
  ).toEqual({ ...requestLine, level: "info", status: 404, code: "list_not_found", msg: "request" })
  expect(lineOf({ ...request, status: 502, error: failure })).toEqual({
    ...requestLine,
    level: "error",
    status: 502,
    code: "mailchimp_error",
    error: expect.objectContaining({ code: "mailchimp_error", message: failure.detail }),
    msg: "request failed",
  })
  expect(lineOf({ ...request, status: 499, error: undefined })).toMatchObject({
    level: "info",
    msg: "client disconnected before the response",
  })
})

test("a failed login has the reason and OAuth's code, but no other text of the callback", () => {
  const upstream = { status: 400, title: "invalid_client" }
  const event = {
    type: "login_failed",
    requestId: "r1",
    failure: new AppError("exchange_failed", "Cannot connect the account", { upstream }),
    reason: "client_rejected",
    callbackError: undefined,
  } as const
  expect(lineOf(event)).toEqual({
    level: "warn",
    request_id: "r1",
    code: "exchange_failed",
    reason: "client_rejected",
    upstream_status: 400,
    upstream_title: "invalid_client",
    oauth_error: "invalid_client",
    detail: "Cannot connect the account",
    msg: expect.stringContaining("check MAILCHIMP_CLIENT_ID"),
  })
  const odd = lineOf({
    ...event,
    failure: new Error("x"),
    reason: undefined,
    callbackError: "ada@example.com",
  })
  expect(odd).toEqual({
    level: "warn",
    request_id: "r1",
    code: "internal_error",
    oauth_error: "other",
    msg: "login failed",
  })
})

test("a request to Mailchimp is logged at level debug, an anomaly as a warning", () => {
  const response = {
    type: "response",
    action: "read the lists",
    kind: undefined,
    durationMs: 7.2,
    bytes: 9,
    waitedMs: 0.2,
    waitedFor: undefined,
    clockAheadMs: undefined,
  } as const
  expect(lineOf({ type: "mailchimp", event: response })).toEqual({
    level: "debug",
    type: "response",
    action: "read the lists",
    duration_ms: 7,
    waited_ms: 0,
    bytes: 9,
    msg: "mailchimp",
  })
  expect(lineOf({ type: "mailchimp", event: { type: "clocks_differ", aheadS: 60 } })).toEqual({
    level: "warn",
    ahead_s: 60,
    msg: "Mailchimp's clock and ours differ: one of them is wrong",
  })
})

test("what happens to a stored connection is logged by its name", () => {
  expect(lineOf({ type: "token_not_opened", connectionId: "c1", error: failure })).toMatchObject({
    level: "error",
    connection: "c1",
    msg: "token_not_opened",
  })
  expect(lineOf({ type: "connections_not_checked", error: failure })).toMatchObject({ level: "warn" })
  expect(lineOf({ type: "connection_not_updated", error: failure })).toMatchObject({ level: "error" })
})

test("the message of an incident begins with the type that its metric and the docs name", () => {
  const error = failure
  const incidents = [
    { type: "connections_not_checked", error },
    { type: "connection_not_updated", error },
    { type: "disconnection_not_finished", connectionId: "c1", error },
    { type: "token_not_opened", connectionId: "c1", error },
    { type: "connection_malformed", connectionId: "c1", error },
    { type: "job_engine_failed", error },
    { type: "job_purge_failed", error },
    { type: "job_files_down", error },
    { type: "job_stalled", jobId: "job_1" },
    { type: "job_workers_missing" },
    { type: "redis_down", error },
    { type: "follow_degraded", connectionId: "c1", error },
  ] as const
  for (const incident of incidents) {
    const { level, msg } = lineOf(incident)
    expect(String(msg)).toStartWith(incident.type)
    expect(["warn", "error"]).toContain(String(level))
  }
})

test("a job has one line at its end, with what its last run took and whose connection it was", () => {
  const usage = { connectionId: "c1", durationMs: 900, requests: 7, retries: 2, waitedMs: 300 }
  const written = { rows: 2000, parts: 2, bytes: 4096, connectionId: "c1" }
  const ended = { type: "job_ended", jobId: "job_1", attempt: 2, ...written } as const
  const line = {
    job_id: "job_1",
    attempt: 2,
    rows: 2000,
    parts: 2,
    bytes: 4096,
    connection: "c1",
  }
  expect(lineOf({ ...ended, state: "complete", usage })).toEqual({
    ...line,
    level: "info",
    state: "complete",
    duration_ms: 900,
    requests: 7,
    retries: 2,
    waited_ms: 300,
    msg: "job ended",
  })
  expect(lineOf({ ...ended, state: "failed", usage: undefined, error: failure })).toEqual({
    ...line,
    level: "error",
    state: "failed",
    error: expect.objectContaining({ code: "mailchimp_error" }),
    msg: "job failed",
  })
})
