/**
 * Every code a problem can carry, with its HTTP status and its title. `retryable` says whether the same request may
 * succeed later although nobody changes anything.
 */
export const errorTable = {
  invalid_parameter: { status: 400, title: "Invalid Parameter", retryable: false },
  invalid_state: { status: 400, title: "Invalid State", retryable: false },
  invalid_cursor: { status: 400, title: "Invalid Cursor", retryable: false },
  login_cross_site: { status: 400, title: "Login From Another Site", retryable: false },
  webhook_unreachable: { status: 400, title: "Webhook Unreachable", retryable: false },
  access_denied: { status: 403, title: "Access Denied", retryable: false },
  exchange_failed: { status: 502, title: "Authorization Failed", retryable: false },
  metadata_invalid: { status: 502, title: "Account Metadata Invalid", retryable: false },
  unauthorized: { status: 401, title: "Unauthorized", retryable: false },
  sub_account_forbidden: { status: 403, title: "Sub-account Forbidden", retryable: false },
  cursor_foreign: { status: 403, title: "Cursor of Another Connection", retryable: false },
  mailchimp_forbidden: { status: 403, title: "Forbidden by Mailchimp", retryable: false },
  access_token_not_found: { status: 404, title: "Access Token Not Found", retryable: false },
  list_not_found: { status: 404, title: "List Not Found", retryable: false },
  job_not_found: { status: 404, title: "Job Not Found", retryable: false },
  route_not_found: { status: 404, title: "Not Found", retryable: false },
  method_not_allowed: { status: 405, title: "Method Not Allowed", retryable: false },
  not_acceptable: { status: 406, title: "Not Acceptable", retryable: false },
  connection_exists: { status: 409, title: "Only one active connection allowed", retryable: false },
  connection_invalidated: { status: 409, title: "Connection Invalidated", retryable: false },
  columns_changed: { status: 409, title: "Columns Changed", retryable: true },
  disconnected: { status: 409, title: "Disconnected", retryable: false },
  job_not_finished: { status: 409, title: "Job Not Finished", retryable: true },
  job_not_failed: { status: 409, title: "Job Not Failed", retryable: false },
  cursor_expired: { status: 410, title: "Cursor Expired", retryable: false },
  job_expired: { status: 410, title: "Job Expired", retryable: false },
  unsupported_media_type: { status: 415, title: "Unsupported Media Type", retryable: false },
  range_not_satisfiable: { status: 416, title: "Range Not Satisfiable", retryable: false },
  idempotency_key_reused: { status: 422, title: "Idempotency Key Reused", retryable: false },
  webhook_unknown: { status: 410, title: "Webhook Unknown", retryable: false },
  too_many_exports: { status: 429, title: "Too Many Exports", retryable: true },
  internal_error: { status: 500, title: "Internal Error", retryable: false },
  jobs_not_configured: { status: 501, title: "Jobs Not Configured", retryable: false },
  mailchimp_error: { status: 502, title: "Mailchimp Error", retryable: true },
  mailchimp_blocked: { status: 502, title: "Blocked In Front of Mailchimp", retryable: true },
  mailchimp_throttled: { status: 503, title: "Mailchimp Throttled", retryable: true },
  database_unavailable: { status: 503, title: "Database Unavailable", retryable: true },
  identity_provider_unavailable: { status: 503, title: "Identity Provider Unavailable", retryable: true },
  queue_unavailable: { status: 503, title: "Queue Unavailable", retryable: true },
  job_files_unavailable: { status: 503, title: "Job Files Unavailable", retryable: true },
  draining: { status: 503, title: "Shutting Down", retryable: true },
  mailchimp_timeout: { status: 504, title: "Mailchimp Timed Out", retryable: true },
  job_files_full: { status: 507, title: "Job Files Full", retryable: true },
} as const satisfies Record<string, { status: number; title: string; retryable: boolean }>

export type ErrorCode = keyof typeof errorTable

/** What Mailchimp itself said about a failure, passed on so that a person can act on it. */
export type Upstream = {
  readonly status: number
  readonly title?: string | undefined
  readonly detail?: string | undefined
  /** Mailchimp's own id of the occurrence, which its support needs. */
  readonly instance?: string | undefined
}

/** One error in the input: the parameter's name, and what would be valid. */
export type InvalidInput = { readonly name: string; readonly reason: string }

/** At most this many errors are listed: a client that sends a thousand wrong names does not read a thousand reasons. */
export const maxInvalidInputs = 10

export type AppErrorOptions = {
  readonly upstream?: Upstream | undefined
  readonly errors?: readonly InvalidInput[] | undefined
  /** Seconds after which a retry makes sense: the Retry-After header of a 429 or 503. */
  readonly retryAfterS?: number | undefined
  readonly cause?: unknown
}

/**
 * A failure that is reported to a caller. `detail` is one sentence for a person; it never holds a token or an
 * address.
 */
export class AppError extends Error {
  override readonly name: string = "AppError"
  readonly code: ErrorCode
  readonly upstream: Upstream | undefined
  readonly errors: readonly InvalidInput[] | undefined
  readonly retryAfterS: number | undefined

  constructor(code: ErrorCode, detail: string, options: AppErrorOptions = {}) {
    super(detail, { cause: options.cause })
    this.code = code
    this.upstream = options.upstream
    this.errors = options.errors?.slice(0, maxInvalidInputs)
    this.retryAfterS = options.retryAfterS
  }

  get detail(): string {
    return this.message
  }

  get status(): (typeof errorTable)[ErrorCode]["status"] {
    return errorTable[this.code].status
  }

  get title(): string {
    return errorTable[this.code].title
  }

  get retryable(): boolean {
    return errorTable[this.code].retryable
  }
}

/** The problem of invalid parameters. Its detail has the reasons, too, because many clients show nothing else. */
export function invalidParameters(errors: readonly InvalidInput[]): AppError {
  const listed = errors.slice(0, maxInvalidInputs)
  const names = new Set(listed.map(({ name }) => name))
  const what = names.size === 1 ? "Invalid parameter" : "Invalid parameters"
  const detail = `${what}: ${listed.map(({ name, reason }) => `${name} ${reason}`).join("; ")}`
  return new AppError("invalid_parameter", detail, { errors })
}

/** The problem of work whose connection was deleted meanwhile. */
export function disconnected(): AppError {
  return new AppError(
    "disconnected",
    "Cannot continue because the connection was deleted: connect the account again through /auth/login",
  )
}

/**
 * A sealed text that cannot be opened: not sealed here, or for another purpose or owner, or with a key that was
 * removed.
 */
export class CannotOpen extends Error {
  override readonly name = "CannotOpen"
}

/** The text was sealed here and for this purpose, but for another owner. */
export class SealedForAnother extends CannotOpen {}
