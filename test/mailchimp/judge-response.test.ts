import { describe, expect, test } from "bun:test"
import { createRedaction } from "../../src/lib/redaction.ts"
import type { MailchimpErrorKind } from "../../src/mailchimp/errors.ts"
import { toMailchimpError } from "../../src/mailchimp/judge-response.ts"

const token = "0123456789abcdef0123456789abcdef"
const redact = createRedaction([token]).redactShort
const subject = { action: "read the members", listId: "a1b2", redact }
const nowMs = Date.parse("2024-05-01T12:00:00Z")

function response(status: number, body: string, headers: Record<string, string> = {}) {
  return { status, headers: new Headers(headers), body: new TextEncoder().encode(body) }
}

function problem(status: number, title: string, more: Record<string, unknown> = {}) {
  return response(status, JSON.stringify({ title, status, detail: "Because", instance: "i-1", ...more }), {
    "content-type": "application/problem+json; charset=utf-8",
  })
}

const html = (status: number) => response(status, "<html>Oops</html>", { "content-type": "text/html" })

const cases: [string, ReturnType<typeof response>, MailchimpErrorKind, string, boolean][] = [
  ["401 API Key Invalid", problem(401, "API Key Invalid"), "unauthorized", "mailchimp_error", true],
  ["401 without a body", response(401, ""), "unauthorized", "mailchimp_error", true],
  ["401 from a gateway, as JSON", response(401, '{"message":"No"}'), "unauthorized", "mailchimp_error", true],
  ["401 from a proxy, as HTML", html(401), "unauthorized", "mailchimp_error", true],
  ["407 from a proxy", problem(407, "Authenticate"), "proxy_refused", "mailchimp_error", true],
  ["403 User Disabled", problem(403, "User Disabled"), "user_disabled", "mailchimp_error", true],
  [
    "403 UserDisabled, as the glossary has it",
    problem(403, "UserDisabled"),
    "user_disabled",
    "mailchimp_error",
    true,
  ],
  ["403 Wrong Datacenter", problem(403, "Wrong Datacenter"), "wrong_datacenter", "mailchimp_error", true],
  ["403 Forbidden", problem(403, "Forbidden"), "forbidden", "mailchimp_forbidden", false],
  ["403 with JSON without a title", response(403, "{}"), "forbidden", "mailchimp_forbidden", false],
  ["403 without JSON", response(403, "Access Denied"), "throttled", "mailchimp_throttled", true],
  ["403 without a body", response(403, ""), "throttled", "mailchimp_throttled", true],
  ["407 from a proxy, as HTML", html(407), "proxy_refused", "mailchimp_error", true],
  ["403 as HTML", html(403), "blocked", "mailchimp_blocked", true],
  ["403 as HTML without a type", response(403, " \n<HTML>No"), "blocked", "mailchimp_blocked", true],
  ["405 as HTML", html(405), "blocked", "mailchimp_blocked", true],
  ["406 as HTML", html(406), "blocked", "mailchimp_blocked", true],
  ["451 as HTML", html(451), "blocked", "mailchimp_blocked", true],
  ["503 as HTML", html(503), "blocked_page", "mailchimp_blocked", true],
  ["500 as HTML", html(500), "server_error", "mailchimp_error", true],
  ["404", problem(404, "Resource Not Found"), "not_found", "list_not_found", false],
  ["404 as HTML", html(404), "unusable_response", "mailchimp_error", true],
  ["400", problem(400, "Invalid Resource"), "rejected", "mailchimp_error", false],
  ["405", problem(405, "Method Not Allowed"), "rejected", "mailchimp_error", false],
  ["408", response(408, ""), "timed_out", "mailchimp_timeout", true],
  ["429", problem(429, "Too Many Requests"), "throttled", "mailchimp_throttled", true],
  ["429 as HTML", html(429), "throttled", "mailchimp_throttled", true],
  ["500", problem(500, "Internal Server Error"), "server_error", "mailchimp_error", true],
  ["502 as HTML", html(502), "server_error", "mailchimp_error", true],
  ["503", problem(503, "Service Unavailable"), "server_error", "mailchimp_error", true],
  ["504", problem(504, "Gateway Timeout"), "timed_out", "mailchimp_timeout", true],
  ["504 as HTML", html(504), "timed_out", "mailchimp_timeout", true],
  [
    "302",
    response(302, "", { location: "https://example.com" }),
    "unusable_response",
    "mailchimp_error",
    true,
  ],
]

describe("toMailchimpError()", () => {
  test.each(cases)("%s", (_name, given, kind, code, retryable) => {
    const error = toMailchimpError(given, subject, nowMs)
    expect<unknown>([error.kind, error.code, error.retryable]).toEqual([kind, code, retryable])
    expect(error.detail).toStartWith("Cannot read the members because ")
    expect(error.detail).toEndWith(": list a1b2")
    expect(error.upstream?.status).toBe(given.status)
  })

  test("a 404 that is not about a list does not claim that a list is missing", () => {
    const about = { action: "read the lists", redact }
    const error = toMailchimpError(problem(404, "Resource Not Found"), about, nowMs)
    expect([error.kind, error.code]).toEqual(["rejected", "mailchimp_error"])
    expect(error.detail).toBe("Cannot read the lists because Mailchimp rejected the request")
  })

  test("passes on Mailchimp's texts, including the fields of a validation error", () => {
    const errors = [
      { field: "count", message: "Must be at most 1000" },
      { field: "", message: "Schema describes object" },
      { message: 5 },
    ]
    const instance = "995c5cb0-3280-4a6e-808b-3b096d0bb219"
    expect(
      toMailchimpError(problem(400, "Invalid Resource", { instance, errors }), subject, nowMs).upstream,
    ).toEqual({
      status: 400,
      title: "Invalid Resource",
      detail: "Because; count Must be at most 1000; Schema describes object",
      instance,
    })
  })

  test("still reads a problem whose fields have other types", () => {
    const given = problem(403, "User Disabled", { detail: 7, instance: null, errors: "none" })
    const error = toMailchimpError(given, subject, nowMs)
    expect(error.kind).toBe("user_disabled")
    expect(error.upstream).toEqual({ status: 403, title: "User Disabled" })
  })

  test("masks addresses, tokens and hashes of addresses", () => {
    const given = problem(400, "Invalid ann@example.com", {
      detail: `ann@example.com (ann%40example.com, "Someone" <"ann ann"@example.com> <ånn.o'neil+x@exämple.com>) with ${token}-us6 and ${token.toUpperCase()}: d41d8cd98f00b204e9800998ecf8427e`,
      instance: `${token}@x`,
    })
    const text = JSON.stringify(toMailchimpError(given, subject, nowMs).upstream)
    expect(text).not.toMatch(/ann|neil|ex.mple|0123456789|d41d8/i)
    expect(text).toContain("[address]")
  })

  test("truncates Mailchimp's texts", () => {
    const given = problem(400, "x ".repeat(5000), {
      detail: `${"y ".repeat(480)}${"z".repeat(39)} ann@example.com`,
    })
    const { upstream } = toMailchimpError(given, subject, nowMs)
    expect(upstream?.title).toHaveLength(300)
    expect(upstream?.detail).toHaveLength(300)
  })

  test("reads Retry-After in seconds or as a date by the sender's clock, and ignores anything else", () => {
    const date = "Wed, 01 May 2024 12:01:30 GMT"
    expect(wait({ "retry-after": "7" })).toBe(7000)
    expect(wait({ "retry-after": date })).toBe(90_000)
    expect(wait({ "retry-after": date, date: "Wed, 01 May 2024 12:01:00 GMT" })).toBe(30_000)
    expect(wait({ "retry-after": "Wed, 01 May 2024 11:00:00 GMT" })).toBe(0)
    expect([wait({}), wait({ "retry-after": "soon" }), wait({ "retry-after": "-1" })]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })

  test("masks an address with blanks around its @", () => {
    for (const address of [
      "ada @ example.com",
      "ada@ example.com",
      "ada @example.com",
      "ada%20@%20example.com",
    ]) {
      const given = problem(400, "Invalid Resource", { detail: `Not ${address} here` })
      expect(toMailchimpError(given, subject, nowMs).upstream?.detail).toBe("Not [address] here")
    }
  })

  test("believes no Retry-After of more than an hour", () => {
    for (const value of ["3601", "9".repeat(26), "9".repeat(400), "Fri, 31 Dec 9999 23:59:59 GMT"])
      expect(wait({ "retry-after": value })).toBe(3_600_000)
  })

  test("sets a Retry-After for the caller of each throttled request", () => {
    const seconds = (headers: Record<string, string>) =>
      toMailchimpError(response(429, "", headers), subject, nowMs).retryAfterS
    expect([seconds({ "retry-after": "7" }), seconds({})]).toEqual([7, 1])
    expect(
      toMailchimpError(problem(500, "Internal Server Error"), subject, nowMs).retryAfterS,
    ).toBeUndefined()
  })
})

/** How long a response with these headers says to wait. */
const wait = (headers: Record<string, string>) =>
  toMailchimpError(response(429, "", headers), subject, nowMs).retryAfterMs
