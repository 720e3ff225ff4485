import type { FailureReason } from "../connections/forward-url.ts"
import { AppError } from "../errors.ts"
import type { Logger } from "../observability/logger.ts"

/**
 * Logs a failed login for the operator, because the user is told no more than a reason.
 *
 * @param callbackError the error in Mailchimp's redirect. Anyone can call the callback, so the error is logged only if it
 *   looks like one of OAuth's codes, which are words.
 */
export function createLoginLog(
  logger: Pick<Logger, "warn">,
  requestLine: { readonly request_id: string },
  callbackError: string | undefined,
) {
  return (failure: unknown, reason: FailureReason | undefined): void => {
    const error = failure instanceof AppError ? failure : undefined
    const oauthError = callbackError ?? error?.upstream?.title
    const line = {
      ...requestLine,
      code: error?.code ?? "internal_error",
      reason,
      upstream_status: error?.upstream?.status,
      upstream_title: error?.upstream?.title,
      oauth_error: oauthError === undefined || /^[a-z_]{1,40}$/.test(oauthError) ? oauthError : "other",
      detail: error?.detail,
    }
    logger.warn(line, reason === "client_rejected" ? rejected : "login failed")
  }
}

const rejected =
  "login failed: Mailchimp rejects this service, so check MAILCHIMP_CLIENT_ID, MAILCHIMP_CLIENT_SECRET and the redirect URI"
