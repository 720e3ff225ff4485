import { z } from "zod"
import { AppError, type ErrorCode, errorTable, type Upstream } from "../errors.ts"
import { parseHttpDate } from "./http-date.ts"
import type { Redact } from "../lib/redaction.ts"
import { TooLarge } from "../lib/too-large.ts"
import { TimedOut } from "../lib/with-timeout.ts"
import { isHtml, readHtmlPage } from "./html-page.ts"

const blockedReason =
  "this server is refused in front of Mailchimp, with a page instead of JSON: its IP address may be blocked"

/** Every way in which a call to Mailchimp fails: the code that a caller sees, whether to ask again, and why it failed. */
const kinds = {
  // Not what one response says, but what others have confirmed: see Standing in client.ts.
  token_revoked: { code: "connection_invalidated", retryable: false, reason: "Mailchimp refused its token" },
  account_disabled: {
    code: "connection_invalidated",
    retryable: false,
    reason: "Mailchimp disabled its user",
  },
  // The next three are what one response says. Any gateway may send one, so each is retried like a fault.
  unauthorized: {
    code: "mailchimp_error",
    retryable: true,
    reason: "the request was answered with 401 Unauthorized",
  },
  user_disabled: {
    code: "mailchimp_error",
    retryable: true,
    reason: "the request was answered with User Disabled",
  },
  wrong_datacenter: {
    code: "mailchimp_error",
    retryable: true,
    reason: "the account is in another data center",
  },
  forbidden: {
    code: "mailchimp_forbidden",
    retryable: false,
    reason: "Mailchimp does not allow it to this account",
  },
  throttled: { code: "mailchimp_throttled", retryable: true, reason: "Mailchimp is throttling the account" },
  blocked: { code: "mailchimp_blocked", retryable: true, reason: blockedReason },
  // Such a page may be about one request alone, such as one for too many rows.
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
  unusable_answer: {
    code: "mailchimp_error",
    retryable: true,
    reason: "Mailchimp's answer is not what it should be",
  },
  connection_failed: {
    code: "mailchimp_error",
    retryable: true,
    reason: "the connection to Mailchimp failed or was cut",
  },
  too_large: {
    code: "mailchimp_error",
    retryable: true,
    reason: "Mailchimp's response has more bytes than are read",
  },
  timed_out: { code: "mailchimp_timeout", retryable: true, reason: "Mailchimp did not answer in time" },
} as const satisfies Record<string, { code: ErrorCode; retryable: boolean; reason: string }>

export type MailchimpErrorKind = keyof typeof kinds

/** A call to Mailchimp that failed. `kind` is stable; the code is what a caller is told. */
export class MailchimpError extends AppError {
  override readonly name = "MailchimpError"
  readonly kind: MailchimpErrorKind
  /** How long Mailchimp asked to wait before another try. */
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

/** Mailchimp's metadata endpoint says that the token is not good: it was revoked. No other failure is this one. */
export class InvalidToken extends AppError {
  override readonly name = "InvalidToken"
}

/** What a call was for: how its errors are worded, and what must not appear in them. */
export type Subject = {
  /** Completes "Cannot …", such as "read the members". */
  readonly action: string
  /** The list that it was about, if it was about one. */
  readonly listId?: string | undefined
  /** Makes what Mailchimp says fit to be shown: see {@link Redaction}. */
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
  return new MailchimpError(kind, `Cannot ${subject.action} as ${kinds[kind].reason}${about}`, options)
}

/** An answer of Mailchimp's, read whole. */
export type RawResponse = {
  readonly status: number
  readonly headers: Headers
  readonly body: Uint8Array
}

/**
 * Judges an answer that is not a 2xx.
 *
 * Some statuses mean the same whoever sends them: 429, 504, and a 403 that is neither JSON nor HTML, which is Mailchimp's
 * way to throttle. Any HTML page comes from something in between, and says nothing of the token or the list; with 403 or
 * 503 the edge in front of Mailchimp refuses this server's address.
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

/** Judges a 2xx whose body is not what it should be. */
export function toUnusableResponse(response: RawResponse, subject: Subject, cause: unknown): MailchimpError {
  const upstream = pageUpstreamOf(response, subject.redact)
  const kind = upstream === undefined ? "unusable_answer" : "blocked_page"
  return createMailchimpError(kind, subject, { upstream, cause })
}

/** What a page of HTML says; undefined if it is none. */
export function pageUpstreamOf(response: RawResponse, redact: Redact): Upstream | undefined {
  const text = new TextDecoder().decode(response.body.subarray(0, longestProblemBytes))
  return isHtml(response.headers, text) ? toPageUpstream(response.status, text, redact) : undefined
}

/** Judges what was thrown while asking: by fetch, while the body was read, or by the time-out. */
export function toTransportError(error: unknown, subject: Subject): MailchimpError {
  const proxyStatus = proxyStatusOf(error)
  if (proxyStatus !== undefined)
    return createMailchimpError("proxy_refused", subject, { upstream: { status: proxyStatus }, cause: error })
  return createMailchimpError(transportKindOf(error), subject, { cause: error })
}

/** The status with which a proxy refused to open a tunnel: Bun tells it in the message of its error alone. */
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
  if (status < 400 || html) return "unusable_answer"
  if (status === 404) return "not_found"
  if (status !== 403) return "rejected"
  // Mailchimp's glossary of errors writes the titles in one word, its answers write them spaced.
  const words = (problem?.title ?? "").toLowerCase().replaceAll(/[^a-z]/g, "")
  if (words === "userdisabled") return "user_disabled"
  if (words === "wrongdatacenter") return "wrong_datacenter"
  return "forbidden"
}

/** With these firewalls refuse a client. Other pages of HTML are about the request, or about what is down. */
const blockedStatuses: ReadonlySet<number> = new Set([403, 405, 406, 451, 503])

function toPageUpstream(status: number, html: string, redact: Redact): Upstream {
  const { title, reference } = readHtmlPage(html)
  return {
    status,
    ...(title !== undefined && { title: redact(title) }),
    ...(reference !== undefined && { instance: redact(reference) }),
  }
}

/** More than any problem of Mailchimp's, and less than is costly to parse. */
const longestProblemBytes = 65_536

// Every field may be missing, or be of another type: a problem is still a problem then.
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

/** Longer is believed of nobody: it would reach our caller, who would wait as long. */
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
  // The date is of the sender's clock, so it is compared with that clock where the answer tells it.
  return atMs === undefined ? undefined : Math.max(0, atMs - (parseHttpDate(headers.get("date")) ?? nowMs))
}
