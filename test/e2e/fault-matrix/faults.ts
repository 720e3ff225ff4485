import type { ErrorCode } from "../../../src/errors.ts"
import type { Action } from "../../support/three-lists.ts"

/**
 * How long a fault is played. `once`: by one request, so an export must be complete in spite of it. `lasting`: until the
 * export has broken. `passing`: for half a minute, whatever happens meanwhile.
 */
export type Play = "once" | "lasting" | "passing"

/** What is wrong with Mailchimp, and the code of an export that fails because of it. */
export type Fault = {
  readonly name: string
  readonly action: Action
  readonly code: ErrorCode
  readonly plays: readonly Play[]
  /** Whether the service notices it only by its own time-out. */
  readonly timesOut: boolean
}

const usual: readonly Play[] = ["once", "lasting"]
const MB = 2 ** 20

/** Every way in which a request for members fails. @param elsewhere the URL of another host */
export function faultsOf(elsewhere: string): readonly Fault[] {
  const faults: readonly (readonly [string, Action, ErrorCode, (readonly Play[])?])[] = [
    ["429 without Retry-After", problem("too_many_requests"), "mailchimp_throttled"],
    ["429 with Retry-After", { ...problem("too_many_requests"), retryAfter: "1" }, "mailchimp_throttled"],
    ["429 for 30 s", problem("too_many_requests"), "mailchimp_throttled", ["passing"]],
    ["403 without a body", { kind: "empty", status: 403 }, "mailchimp_throttled"],
    ["the edge's 403 with HTML", { kind: "html", status: 403, page: "akamai" }, "mailchimp_blocked"],
    ["500", problem("internal_server_error"), "mailchimp_error"],
    ["502 with HTML", { kind: "html", status: 502 }, "mailchimp_error"],
    ["503", problem("service_unavailable"), "mailchimp_error"],
    ["504", problem("gateway_timeout"), "mailchimp_timeout"],
    ["a reset before the headers", { kind: "reset" }, "mailchimp_error"],
    ["a reset in the body", { kind: "cut" }, "mailchimp_error"],
    ["a truncated body that ends properly", { kind: "bad_json" }, "mailchimp_error"],
    ["JSON without members", json(200, { list_id: "0", total_items: 50 }), "mailchimp_error"],
    ["JSON without anything", json(200, {}), "mailchimp_error"],
    ["no response", { kind: "hang" }, "mailchimp_timeout"],
    ["a byte a second", { kind: "trickle" }, "mailchimp_timeout"],
    ["slow headers", { kind: "delay", ms: 60_000 }, "mailchimp_timeout"],
    ["401 that the metadata deny", json(401, { message: "Unauthorized" }), "mailchimp_error"],
    ["401 that the metadata confirm", { kind: "revoke" }, "connection_invalidated", ["lasting"]],
    ["403 of a disabled user", { kind: "disable" }, "connection_invalidated", ["lasting"]],
    ["one 403 User Disabled", problem("user_disabled"), "connection_invalidated", ["once"]],
    ["a redirect to another host", { kind: "redirect", location: elsewhere }, "mailchimp_error"],
    ["a body of 200 MB", { kind: "bomb", bytes: 200 * MB, plain: true }, "mailchimp_error"],
    ["a gzip bomb of 200 MB", { kind: "bomb", bytes: MB, parts: 200 }, "mailchimp_error"],
    ["HTML with status 200", { kind: "html", status: 200 }, "mailchimp_blocked"],
  ]
  return faults.map(([name, action, code, plays = usual]) => ({
    name,
    action,
    code,
    plays,
    timesOut: ["hang", "trickle", "delay"].includes(action.kind),
  }))
}

function problem(name: Extract<Action, { kind: "problem" }>["problem"]) {
  return { kind: "problem", problem: name } as const
}

function json(status: number, body: Extract<Action, { kind: "json" }>["body"]): Action {
  return { kind: "json", status, body }
}
