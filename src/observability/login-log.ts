import { AppError } from "../errors.ts"
import type { Logger } from "./logger.ts"
import type { EventOf } from "./observe.ts"
import { problemCodeOf } from "./problem-code.ts"

/** A failed login, with what the operator must know and the user is not told. */
export function logLoginFailed(
  logger: Pick<Logger, "warn">,
  { requestId, failure, reason, callbackError }: EventOf<"login_failed">,
): void {
  const error = failure instanceof AppError ? failure : undefined
  const oauthError = callbackError ?? error?.upstream?.title
  const line = {
    requestId,
    code: problemCodeOf(failure),
    reason,
    upstreamStatus: error?.upstream?.status,
    upstreamTitle: error?.upstream?.title,
    // OAuth's codes are words; anything else is not repeated.
    oauthError: oauthError === undefined || /^[a-z_]{1,40}$/.test(oauthError) ? oauthError : "other",
    detail: error?.detail,
  }
  logger.warn(line, reason === "client_rejected" ? rejected : "login failed")
}

const rejected =
  "login failed: Mailchimp rejects this service, so check MAILCHIMP_CLIENT_ID, MAILCHIMP_CLIENT_SECRET and the redirect URI"
