import type { ClientErrorCode, ErrorCode, Upstream } from "./types.ts"

type Details = {
  readonly detail: string
  readonly retryable: boolean
  readonly status?: number | undefined
  readonly requestId?: string | undefined
  readonly upstream?: Upstream | undefined
  readonly retryAfterS?: number | undefined
  readonly cause?: unknown
}

/** Every failure of this client, except an abort by the caller's own signal. */
export class MailchimpExportError extends Error {
  override readonly name = "MailchimpExportError"
  /** For programs; never changes. */
  readonly code: ErrorCode | ClientErrorCode
  /** What is wrong and what to do, for a person. */
  readonly detail: string
  /** The HTTP status. Missing if there was no response, or if the failure came after its first byte. */
  readonly status: number | undefined
  /** Whether the same call may succeed later although nobody changes anything. */
  readonly retryable: boolean
  /** The service's log has the request under this id. */
  readonly requestId: string | undefined
  /** Mailchimp's own error. */
  readonly upstream: Upstream | undefined
  /** How long the service asks to wait before a retry. */
  readonly retryAfterS: number | undefined

  constructor(code: ErrorCode | ClientErrorCode, details: Details) {
    super(details.detail, { cause: details.cause })
    this.code = code
    this.detail = details.detail
    this.status = details.status
    this.retryable = details.retryable
    this.requestId = details.requestId
    this.upstream = details.upstream
    this.retryAfterS = details.retryAfterS
  }
}
