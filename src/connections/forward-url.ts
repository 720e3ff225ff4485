import { AppError } from "../errors.ts"

/** The state holds the forward URL: a longer one makes a callback that proxies, and Bun, refuse with 414 or 431. */
const mostBytes = 2048

/** Why an authorization failed, as the forward URL tells it. */
export type FailureReason =
  | "access_denied"
  | "client_rejected"
  | "exchange_failed"
  | "metadata_invalid"
  | "connection_exists"
  | "login_expired"
  | "other_browser"

/**
 * Checks where a login wants to send the browser back to: http or https, no user info, and exactly one of the allowed
 * origins, since an open redirect would hand the outcome, and the user's trust, to anyone (RFC 9700, 4.11).
 *
 * @throws AppError `invalid_parameter`
 */
export function parseForwardUrl(text: string, allowedOrigins: readonly string[]): string {
  const reason = reasonAgainst(text, allowedOrigins)
  if (reason !== undefined) {
    throw new AppError(
      "invalid_parameter",
      `Cannot start the login as forward_url is not allowed: it ${reason}`,
      {
        errors: [{ name: "forward_url", reason }],
      },
    )
  }
  return text
}

/** Whether it is still allowed when the browser comes back, because the allowed origins may have changed. */
export function isAllowedForwardUrl(text: string, allowedOrigins: readonly string[]): boolean {
  return reasonAgainst(text, allowedOrigins) === undefined
}

function reasonAgainst(text: string, allowedOrigins: readonly string[]): string | undefined {
  if (Buffer.byteLength(text) > mostBytes) return `must have ${mostBytes} bytes at most`
  const url = URL.parse(text)
  return url === null || (url.protocol !== "http:" && url.protocol !== "https:")
    ? "must be an absolute http or https URL"
    : url.username !== "" || url.password !== ""
      ? "must not hold a user name or a password"
      : allowedOrigins.includes(url.origin)
        ? undefined
        : `must have one of the allowed origins: ${allowedOrigins.join(", ")}`
}

/** The forward URL with the outcome added. The rest of its query is kept to the letter, as it may be signed. */
export function toOutcomeUrl(forwardUrl: string, reason?: FailureReason): string {
  const url = new URL(forwardUrl)
  const kept = url.search
    .slice(1)
    .split("&")
    .filter((pair) => pair !== "" && !/^(status|integration|reason)(=|$)/.test(pair))
  const outcome = [`status=${reason === undefined ? "success" : "failed"}`, "integration=mailchimp"]
  url.search = [...kept, ...outcome, ...(reason === undefined ? [] : [`reason=${reason}`])].join("&")
  return url.href
}
