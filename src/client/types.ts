/** What Mailchimp itself said about a failure. */
export type Upstream = {
  status: number
  title?: string | undefined
  detail?: string | undefined
  instance?: string | undefined
}

/** The codes of the service. */
export type ErrorCode =
  | "invalid_parameter"
  | "invalid_state"
  | "invalid_cursor"
  | "login_cross_site"
  | "webhook_unreachable"
  | "access_denied"
  | "exchange_failed"
  | "metadata_invalid"
  | "unauthorized"
  | "sub_account_forbidden"
  | "cursor_foreign"
  | "mailchimp_forbidden"
  | "access_token_not_found"
  | "list_not_found"
  | "job_not_found"
  | "route_not_found"
  | "method_not_allowed"
  | "not_acceptable"
  | "connection_exists"
  | "connection_invalidated"
  | "columns_changed"
  | "disconnected"
  | "job_not_finished"
  | "job_not_failed"
  | "cursor_expired"
  | "job_expired"
  | "unsupported_media_type"
  | "range_not_satisfiable"
  | "idempotency_key_reused"
  | "webhook_unknown"
  | "too_many_exports"
  | "internal_error"
  | "jobs_not_configured"
  | "mailchimp_error"
  | "mailchimp_blocked"
  | "mailchimp_throttled"
  | "database_unavailable"
  | "identity_provider_unavailable"
  | "queue_unavailable"
  | "job_files_unavailable"
  | "draining"
  | "mailchimp_timeout"
  | "job_files_full"

/**
 * The codes of this client. `incomplete`: the export ended `short`. `network_error`: there was no response, or the transfer
 * broke. `unexpected_response`: the response is not the service's; a proxy may have sent it.
 */
export type ClientErrorCode = "incomplete" | "network_error" | "unexpected_response"

/** The first line of a response. */
export type StartLine = {
  $export: "start"
  id: string
  horizon?: string | undefined
  lists: { id: string; name?: string | undefined; estimate?: number | undefined }[]
}

/** Everything before this line need not be requested again. */
export type CheckpointLine = { $export: "checkpoint"; cursor: string; rows: number }

/** Written if nothing else was written for ten seconds. */
export type ProgressLine = {
  $export: "progress"
  rows: number
  estimate: number
  requests: number
  waiting_for: WaitingFor
}

export type WaitingFor = "permit" | "rate_limit" | "mailchimp"

/** The list no longer exists, so all of its members are gone; or a member with this `id` is gone. */
export type DeletedLine = {
  $export: "deleted"
  list_id: string
  at: string
  reason: "list_deleted" | "member_deleted" | "address_changed"
  id?: string | undefined
  new_id?: string | undefined
}

/** Everything up to `as_of` was delivered. Only while following. */
export type CaughtUpLine = {
  $export: "caught_up"
  as_of?: string | undefined
  cursor: string
  interval_s: number
}

type Failure = { code: ErrorCode; detail: string; retryable: boolean; upstream?: Upstream | undefined }

/** The list cannot be read; the others still are, and the export ends short. */
export type ListErrorLine = Failure & { $export: "list_error"; list_id: string }

/** The last line of an export that failed. */
export type ErrorLine = Failure & { $export: "error"; cursor: string }

/** The last line of an export that did not fail. */
export type EndLine = {
  $export: "end"
  /** `short`: some members may be missing, and the next export delivers them. */
  status: "complete" | "short"
  /** Members in the last response, which may be one of several. */
  rows: number
  lists: {
    id: string
    rows: number
    /** Members of this list may be missing. */
    short?: true | undefined
    total_items?: number | undefined
    count_differs?: number | undefined
    /** Every member who was in the list from the start to this second was delivered. */
    as_of?: string | undefined
    /** Why the list could not be read. */
    code?: ErrorCode | undefined
  }[]
  count_differs?: number | undefined
  /** Starts the next export, of what changes from now on; missing with `before`. */
  cursor?: string | undefined
  duration_ms: number
}

export type EventLine =
  StartLine | CheckpointLine | ProgressLine | DeletedLine | ListErrorLine | ErrorLine | EndLine | CaughtUpLine

/** A list of the account. */
export type List = {
  id: string
  /** The number in the URLs of Mailchimp's own pages. */
  web_id: number | null
  name: string
  /** Subscribed members only, as Mailchimp counts them, a few minutes old. */
  member_count: number
  unsubscribe_count: number
  cleaned_count: number
  /** Whether Mailchimp delivers the list's changes to the service. */
  webhook: boolean
}

/** A list with what its members may have. */
export type ListDetails = List & {
  /** The keys of a member's `merge_fields`. */
  merge_fields: { tag: string; name: string; type: string; choices?: string[] | undefined }[]
  /** The keys of a member's `interests`. */
  interests: { id: string; name: string; category: string }[]
}

/** The Mailchimp account that is connected. */
export type Connection = {
  account_name: string | null
  data_center: string
  connected_at: string | null
  /** The account must be connected again. */
  token_invalidated: boolean
}

export type Disconnected = {
  connected: false
  /** The lists whose webhook could not be removed at Mailchimp, and why. */
  webhooks_left: { list_id: string; reason: string }[]
}

/** Where to send the browser; null if the account is connected. */
export type Login = { redirect_url: string | null; connected: boolean }

/** A file of a job, whole in itself. */
export type Part = {
  name: string
  rows: number
  /** As stored, i.e. compressed. */
  bytes: number
  /** Of the stored bytes, in hex. */
  sha256: string
  url: string
}

/** An export in the background. */
export type Job = {
  id: string
  /** `short`: some members may be missing, and the next job, from `cursor`, delivers them. */
  state: "queued" | "running" | "complete" | "short" | "failed" | "canceled"
  format: string
  compression: "gzip" | "none"
  /** Members in the parts so far. */
  rows: number
  /** About how many members there are. */
  estimate: number | null
  /** The size of the parts so far. */
  bytes: number
  created_at: string
  started_at: string | null
  ended_at: string | null
  /** When the files are deleted. */
  expires_at: string | null
  /** Why the job failed. */
  error: Failure | null
  /** Starts the next job, of what changes from now on. Null until the job is complete or short, and with `before`. */
  cursor: string | null
  parts: Part[]
}

/** A job without its parts, as in a list of jobs. */
export type JobSummary = Omit<Job, "parts">
