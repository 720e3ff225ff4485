import { z } from "zod"
import { AppError, type ErrorCode, errorTable, type Upstream } from "../errors.ts"
import { parseHttpDate } from "./http-date.ts"
import type { Redact } from "../lib/redaction.ts"
import { TooLarge } from "../lib/too-large.ts"
import { TimedOut } from "../lib/time.ts"
import { isHtml, readHtmlPage } from "./html-page.ts"

const blockedReason =
  "this server is refused in front of Mailchimp, with a page instead of JSON: its IP address may be blocked"

/** Every way in which a request to Mailchimp fails: the code that a caller sees, whether to retry, and why it failed. */
const kinds = {
  // The first two are never based on a single response: see Standing in client.ts.
  token_revoked: {
    code: "connection_invalidated",
    retryable: false,
    reason: "Mailchimp refused its token, so the account must be connected again through /auth/login",
  },
  account_disabled: {
    code: "connection_invalidated",
    retryable: false,
    reason: "Mailchimp disabled its user, who must be enabled there and then connect the account again",
  },
  // The next three are based on a single response, which any gateway may send. So each is retried like a fault.
  unauthorized: {
    code: "mailchimp_error",
    retryable: true,
    reason: "the response was 401 Unauthorized",
  },
  user_disabled: {
    code: "mailchimp_error",
    retryable: true,
    reason: "the response was 403 User Disabled",
  },
  wrong_datacenter: {
    code: "mailchimp_error",
    retryable: true,
    reason: "the account is in another data center",
  },
  forbidden: {
    code: "mailchimp_forbidden",
    retryable: false,
    reason: "Mailchimp does not allow it for this account",
  },
  throttled: { code: "mailchimp_throttled", retryable: true, reason: "Mailchimp is throttling the account" },
  blocked: { code: "mailchimp_blocked", retryable: true, reason: blockedReason },
  // Such a page may concern a single request, e.g. for too many rows.
  blocked_page: { code: "mailchimp_blocked", retryable: true, reason: blockedReason },
  proxy_refused: {
    code: "mailchimp_error",
    retryable: true,
    reason: "the proxy in front of this service refuses it: check HTTPS_PROXY and its login",
  },
  no_permit: {
    code: "mailchimp_throttled",
    retryable: true,
    reason: "it waited too long for a connection: other requests of this Mailchimp user hold all of them",
  },
  no_token: {
    code: "mailchimp_throttled",
    retryable: true,
    reason: "it waited too long for its turn: other requests of this Mailchimp user use up its rate limit",
  },
  not_found: { code: "list_not_found", retryable: false, reason: "Mailchimp knows no such list" },
  rejected: { code: "mailchimp_error", retryable: false, reason: "Mailchimp rejected the request" },
  server_error: { code: "mailchimp_error", retryable: true, reason: "Mailchimp failed" },
  unusable_response: {
    code: "mailchimp_error",
    retryable: true,
    reason: "Mailchimp's response is not usable",
  },
  connection_failed: {
    code: "mailchimp_error",
    retryable: true,
    reason: "the connection to Mailchimp failed or was closed",
  },
  too_large: {
    code: "mailchimp_error",
    retryable: true,
    reason: "Mailchimp's response exceeds the size limit",
  },
  timed_out: { code: "mailchimp_timeout", retryable: true, reason: "Mailchimp did not respond in time" },
} as const satisfies Record<string, { code: ErrorCode; retryable: boolean; reason: string }>

export type MailchimpErrorKind = keyof typeof kinds

/** A failed request to Mailchimp. `kind` says how it failed; callers see `code`. */
export class MailchimpError extends AppError {
  override readonly name = "MailchimpError"
  readonly kind: MailchimpErrorKind
  /** How long to wait before a retry, as Mailchimp requested. */
  readonly retryAfterMs: number | undefined

  constructor(
    kind: MailchimpErrorKind,
    detail: string,
    options: {
      readonly upstream?: Upstream | undefined
      readonly retryAfterMs?: number | undefined
      readonly cause?: unknown
    } = {},
  ) {
    const { upstream, retryAfterMs, cause } = options
    const { code } = kinds[kind]
    const retryAfterS =
      errorTable[code].status === 503 ? Math.max(1, Math.ceil((retryAfterMs ?? 0) / 1000)) : undefined
    super(code, detail, { upstream, retryAfterS, cause })
    this.kind = kind
    this.retryAfterMs = retryAfterMs
  }

  override get retryable(): boolean {
    return kinds[this.kind].retryable
  }
}

/** Mailchimp's metadata endpoint says that the token is invalid: it was revoked. Not used for any other failure. */
export class InvalidToken extends AppError {
  override readonly name = "InvalidToken"
}

/** What a request was for: how its errors are worded, and what must not appear in them. */
export type Subject = {
  /** Completes "Cannot …", such as "read the members". */
  readonly action: string
  /** The list that was requested, if any. */
  readonly listId?: string | undefined
  /** Makes Mailchimp's texts presentable: see {@link Redaction}. */
  readonly redact: Redact
}

export function createMailchimpError(
  kind: MailchimpErrorKind,
  subject: Omit<Subject, "redact">,
  options: {
    readonly upstream?: Upstream | undefined
    readonly retryAfterMs?: number | undefined
    readonly cause?: unknown
  } = {},
): MailchimpError {
  const about = subject.listId === undefined ? "" : `: list ${subject.listId}`
  return new MailchimpError(kind, `Cannot ${subject.action} because ${kinds[kind].reason}${about}`, options)
}

/** A response of Mailchimp's with its whole body. */
export type RawResponse = {
  readonly status: number
  readonly headers: Headers
  readonly body: Uint8Array
}

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
  const text = new TextDecoder().decode(response.body.subarray(0, longestProblemBytes))
  const problem = problemIn(text)
  const html = isHtml(response.headers, text)
  const kind = kindOf(response.status, problem, html)
  const isAboutList = kind !== "not_found" || subject.listId !== undefined
  return createMailchimpError(isAboutList ? kind : "rejected", subject, {
    upstream: html
      ? toPageUpstream(response.status, text, subject.redact)
      : toUpstream(response.status, problem, subject.redact),
    retryAfterMs: retryAfterMs(response.headers, nowMs),
  })
}

/** Classifies a 2xx with an unusable body. */
export function toUnusableResponse(response: RawResponse, subject: Subject, cause: unknown): MailchimpError {
  const upstream = pageUpstreamOf(response, subject.redact)
  const kind = upstream === undefined ? "unusable_response" : "blocked_page"
  return createMailchimpError(kind, subject, { upstream, cause })
}

/** What an HTML page says; undefined if the response is not one. */
export function pageUpstreamOf(response: RawResponse, redact: Redact): Upstream | undefined {
  const text = new TextDecoder().decode(response.body.subarray(0, longestProblemBytes))
  return isHtml(response.headers, text) ? toPageUpstream(response.status, text, redact) : undefined
}

/** Classifies what was thrown during a request: by fetch, while the body was read, or by the time-out. */
export function toTransportError(error: unknown, subject: Subject): MailchimpError {
  const proxyStatus = proxyStatusOf(error)
  if (proxyStatus !== undefined)
    return createMailchimpError("proxy_refused", subject, { upstream: { status: proxyStatus }, cause: error })
  return createMailchimpError(transportKindOf(error), subject, { cause: error })
}

/** The status with which a proxy refused to open a tunnel. Bun mentions it only in the message of its error. */
function proxyStatusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("code" in error) || error.code !== "ERR_PROXY_TUNNEL") return undefined
  return Number(/\b\d{3}\b/.exec(error.message)?.[0] ?? 502)
}

function transportKindOf(error: unknown): MailchimpErrorKind {
  if (error instanceof TooLarge) return "too_large"
  return error instanceof TimedOut ? "timed_out" : "connection_failed"
}

function kindOf(status: number, problem: Problem | undefined, html: boolean): MailchimpErrorKind {
  if (status === 407) return "proxy_refused"
  if (html && blockedStatuses.has(status)) return status === 503 ? "blocked_page" : "blocked"
  if (status === 429 || (status === 403 && problem === undefined)) return "throttled"
  if (status === 504 || status === 408) return "timed_out"
  if (status >= 500) return "server_error"
  if (status === 401) return "unauthorized"
  if (status < 400 || html) return "unusable_response"
  if (status === 404) return "not_found"
  if (status !== 403) return "rejected"
  // Mailchimp's glossary of errors writes the titles as one word, its responses with spaces.
  const words = (problem?.title ?? "").toLowerCase().replaceAll(/[^a-z]/g, "")
  if (words === "userdisabled") return "user_disabled"
  if (words === "wrongdatacenter") return "wrong_datacenter"
  return "forbidden"
}

/** Statuses with which firewalls refuse a client. With another status, an HTML page concerns the request or an outage. */
const blockedStatuses: ReadonlySet<number> = new Set([403, 405, 406, 451, 503])

function toPageUpstream(status: number, html: string, redact: Redact): Upstream {
  const { title, reference } = readHtmlPage(html)
  return {
    status,
    ...(title !== undefined && { title: redact(title) }),
    ...(reference !== undefined && { instance: redact(reference) }),
  }
}

/** Longer than any problem of Mailchimp's, and cheap to parse. */
const longestProblemBytes = 65_536

// A problem remains a problem if a field is missing or of another type.
const problemSchema = z.object({
  title: z.string().optional().catch(undefined),
  detail: z.string().optional().catch(undefined),
  instance: z.string().optional().catch(undefined),
  errors: z
    .array(z.object({ field: z.string().catch(""), message: z.string().catch("") }))
    .optional()
    .catch(undefined),
})

type Problem = z.infer<typeof problemSchema>

function problemIn(text: string): Problem | undefined {
  try {
    return problemSchema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

function toUpstream(status: number, problem: Problem | undefined, redact: Redact): Upstream {
  const fields = problem?.errors?.map(({ field, message }) => `${field} ${message}`.trim()) ?? []
  const detail = [problem?.detail ?? "", ...fields].filter((part) => part !== "").join("; ")
  return {
    status,
    ...(problem?.title !== undefined && { title: redact(problem.title) }),
    ...(detail !== "" && { detail: redact(detail) }),
    ...(problem?.instance !== undefined && { instance: redact(problem.instance) }),
  }
}

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
