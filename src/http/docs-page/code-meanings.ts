import type { ErrorCode } from "../../errors.ts"

/** What each code means, and what to do about it. */
const meanings = {
  invalid_parameter:
    "A parameter is unknown, malformed, or does not go together with another one. `errors` names each parameter and says what would be valid.",
  invalid_state:
    "The login's state is not one of this service, is older than ten minutes, was used before, or comes from another browser. Start the login again.",
  invalid_cursor:
    "The cursor is not one of this service, or belongs to an export with other lists, filters or fields. Send it with the parameters of the export that returned it, or begin an export without a cursor.",
  login_cross_site:
    "The page is on another site than this service, so the browser would drop the login's cookie. Serve both from one site, or let your server request the login and set `LOGIN_COOKIE=off`.",
  webhook_unreachable:
    "Mailchimp cannot reach this service at `PUBLIC_URL`, so it cannot deliver what changes. The address must be public. `upstream` has Mailchimp's own words if Mailchimp refused it.",
  access_denied: "The user did not consent at Mailchimp. Start the login again when they want to.",
  exchange_failed:
    "Mailchimp gave no token for the login; `upstream` says why. The client id, the secret and the redirect URI must be those of the app that is registered there.",
  metadata_invalid:
    "Mailchimp did not say which account and data center its token belongs to. Start the login again.",
  unauthorized:
    "The request has no JWT of your platform, or its signature, `exp`, `nbf`, issuer, audience or claims are not valid.",
  sub_account_forbidden: "`sub_account_id` is not among the `sub_accounts` of the JWT.",
  cursor_foreign:
    "The cursor belongs to another connection. After `DELETE /auth` and a new login the account is another connection: begin an export without a cursor.",
  mailchimp_forbidden:
    "Mailchimp does not allow this request, e.g. because of the account's plan or its user's role. `upstream` says why.",
  access_token_not_found: "No Mailchimp account is connected. Connect one through `/auth/login`.",
  list_not_found: "The account has no list of this id. `/lists` shows the ids.",
  job_not_found: "The caller has no job of this id, or the job has no such part.",
  route_not_found: "No route has this path. `/openapi.json` lists them.",
  method_not_allowed: "The path has no route for this method. The header `Allow` lists the methods it has.",
  not_acceptable:
    "None of the media types in `Accept` is a format of the export. Accept one of them, or name the format by `format`.",
  connection_exists: "An account is connected already. Disconnect it first by `DELETE /auth`.",
  connection_invalidated:
    "The token was revoked at Mailchimp, its user was disabled, or its key is gone from `TOKEN_KEYS`. Log in again: cursors stay valid if it is the same Mailchimp user.",
  columns_changed:
    "A member has a merge field or an interest that is not among the columns of the CSV, because it is new or could not be read. The transfer breaks. Start the export again.",
  disconnected: "The connection was deleted while the request used it. Connect the account again.",
  job_not_finished:
    "The files of a job can be downloaded as one only when its `state` is `complete` or `short`. If it is `queued` or `running`, wait with `Prefer: wait=30`; parts can be downloaded before. A `failed` job can be retried. A `canceled` one has no files: start a new one.",
  job_not_failed: "Only a failed job can be retried. Start a new job instead.",
  cursor_expired:
    "With `follow`, the service no longer has all changes since the cursor: export with it, but without `follow`. Without `follow`, an older version of the service wrote it: begin anew, without a cursor, and get every member again.",
  job_expired:
    "The job's files were purged `JOB_RETENTION_H` hours after it ended. Start a new job; the `cursor` of the old one is still valid.",
  unsupported_media_type: "The body must be JSON, and its `Content-Type` must say so: `application/json`.",
  range_not_satisfiable:
    "The part has fewer bytes than the first one that `Range` names. `Content-Range` says how many it has.",
  idempotency_key_reused:
    "The `Idempotency-Key` was sent with another body within 24 hours. Send the same body to get the same job, or another key to start a new one.",
  webhook_unknown: "No webhook has this address, or its connection was deleted. Mailchimp then disables it.",
  too_many_exports:
    "This caller, or this process, runs as many exports as it may: `MAX_EXPORTS_PER_CALLER`, `MAX_EXPORTS`. Finish or abort one.",
  internal_error: "A fault of this service. Its log has the error, under the response's `X-Request-Id`.",
  jobs_not_configured:
    "With MongoDB, jobs need `REDIS_URL` and files that all processes reach: `JOB_FILES`. Use `/export` instead.",
  mailchimp_error:
    "Mailchimp failed, rejected the request, or sent an unusable response. `upstream` has Mailchimp's own words if there are any.",
  mailchimp_blocked:
    "HTML came instead of JSON: the edge in front of Mailchimp refuses this server, often because of its IP address. docs/operations.md says what to do.",
  mailchimp_throttled:
    "Mailchimp throttles the account, or other requests of the same Mailchimp user use up its connections or rate: a request waits 30 s at most for its turn.",
  database_unavailable: "The database does not respond.",
  identity_provider_unavailable: "The keys at `JWKS_URL` cannot be read, so the JWT cannot be verified.",
  job_files_unavailable:
    "`JOB_FILES` cannot be read or written, or a file there is missing or damaged. What the job's record names is kept: retry when it is back.",
  queue_unavailable: "Redis does not respond, so the job was canceled. Start it again.",
  draining: "This process is shutting down. Retry at another replica if there is one.",
  mailchimp_timeout: "Mailchimp did not respond in time.",
  job_files_full: "The disk of `JOB_FILES` is full. Make space, and retry the job.",
} satisfies Record<ErrorCode, string>

/** By code. */
export const codeMeanings: ReadonlyMap<string, string> = new Map(Object.entries(meanings))
