import { AppError, type ErrorCode, errorTable, type Upstream } from "../errors.ts"
import type { Redact } from "../lib/redaction.ts"

const blockedReason =
  "this server is refused in front of Mailchimp, with a page instead of JSON: its IP address may be blocked"

/** Every way in which a request to Mailchimp fails: the code that a caller sees, whether to retry, and why it failed. */
const kinds = {
  // The first two are never based on a single response: see {@link Standing}.
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
