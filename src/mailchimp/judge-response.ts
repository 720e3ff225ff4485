import type { Upstream } from "../errors.ts"
import { createMailchimpError, type MailchimpError, type MailchimpErrorKind, type Subject } from "./errors.ts"
import { parseHttpDate } from "./http-date.ts"
import type { RawResponse } from "./transport.ts"
import { type FailureBody, readFailureBody } from "./failure-body.ts"

/**
 * Classifies a response that is not a 2xx.
 *
 * Some statuses mean the same from any sender: 429, 504, and a 403 that is neither JSON nor HTML, which is how Mailchimp
 * throttles. An HTML page always comes from a gateway, and says nothing about the token or the list; with 403 or 503, the
 * edge in front of Mailchimp refuses this server's address.
 *
 * @param nowMs milliseconds since the epoch, against which a date in Retry-After is read
 */
export function toMailchimpError(response: RawResponse, subject: Subject, nowMs: number): MailchimpError {
  const body = readFailureBody(response, subject.redact)
  const kind = kindOf(response.status, body)
  const isAboutList = kind !== "not_found" || subject.listId !== undefined
  return createMailchimpError(isAboutList ? kind : "rejected", subject, {
    upstream: body.upstream,
    retryAfterMs: retryAfterMs(response.headers, nowMs),
  })
}

/** Classifies a 2xx with an unusable body. Of its words, only those of a page are passed on by default. */
export function toUnusableResponse(
  response: RawResponse,
  subject: Subject,
  { cause, upstream }: { readonly cause?: unknown; readonly upstream?: Upstream } = {},
): MailchimpError {
  const body = readFailureBody(response, subject.redact)
  return body.type === "page"
    ? createMailchimpError("blocked_page", subject, { upstream: body.upstream, cause })
    : createMailchimpError("unusable_response", subject, { upstream, cause })
}

function kindOf(status: number, body: FailureBody): MailchimpErrorKind {
  const isPage = body.type === "page"
  const title = body.type === "problem" ? body.title : undefined
  if (status === 407) return "proxy_refused"
  if (isPage && blockedStatuses.has(status)) return status === 503 ? "blocked_page" : "blocked"
  if (status === 429 || (status === 403 && body.type === "other")) return "throttled"
  if (status === 504 || status === 408) return "timed_out"
  if (status >= 500) return "server_error"
  if (status === 401) return "unauthorized"
  if (status < 400 || isPage) return "unusable_response"
  if (status === 404) return "not_found"
  if (status !== 403) return "rejected"
  // Mailchimp's glossary of errors writes the titles as one word, its responses with spaces.
  const words = (title ?? "").toLowerCase().replaceAll(/[^a-z]/g, "")
  if (words === "userdisabled") return "user_disabled"
  if (words === "wrongdatacenter") return "wrong_datacenter"
  return "forbidden"
}

/** Statuses with which firewalls refuse a client. With another status, an HTML page concerns the request or an outage. */
const blockedStatuses: ReadonlySet<number> = new Set([403, 405, 406, 451, 503])

/** A longer Retry-After is not believed: it would be passed on to our caller, who would wait as long. */
const longestRetryAfterMs = 3_600_000

function retryAfterMs(headers: Headers, nowMs: number): number | undefined {
  const ms = readRetryAfterMs(headers, nowMs)
  return ms === undefined ? undefined : Math.min(ms, longestRetryAfterMs)
}

/** Retry-After is whole seconds or an HTTP date (RFC 9110, 10.2.3). */
function readRetryAfterMs(headers: Headers, nowMs: number): number | undefined {
  const value = headers.get("retry-after")?.trim()
  if (value === undefined || value === "") return undefined
  if (/^\d+$/.test(value)) return Number(value) * 1000
  const atMs = parseHttpDate(value)
  // The date is by the sender's clock, so it is compared with the sender's `Date` if there is one.
  return atMs === undefined ? undefined : Math.max(0, atMs - (parseHttpDate(headers.get("date")) ?? nowMs))
}
