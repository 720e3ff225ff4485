import { AppError } from "../errors.ts"

/** The state contains the forward URL, and proxies and Bun reject a callback URL that is too long with 414 or 431. */
const maxBytes = 2048

/** Why an authorization failed: the `reason` in the forward URL. */
export type FailureReason =
  | "access_denied"
  | "client_rejected"
  | "exchange_failed"
  | "metadata_invalid"
  | "connection_exists"
  | "login_expired"
  | "other_browser"

/**
 * Validates a forward URL: http or https, no user info, and exactly one of the allowed origins, because an open redirect
 * would give the outcome, and the user's trust, to any site (RFC 9700, 4.11).
 *
 * @throws AppError `invalid_parameter`
 */
export function parseForwardUrl(text: string, allowedOrigins: readonly string[]): string {
  const reason = reasonToRefuse(text, allowedOrigins)
  if (reason !== undefined) {
    throw new AppError(
      "invalid_parameter",
      `Cannot start the login because forward_url is not allowed: it ${reason}`,
      {
        errors: [{ name: "forward_url", reason }],
      },
    )
  }
  return text
}

/** Checks the forward URL again on the callback, because the allowed origins may have changed. */
export function isAllowedForwardUrl(text: string, allowedOrigins: readonly string[]): boolean {
  return reasonToRefuse(text, allowedOrigins) === undefined
}

function reasonToRefuse(text: string, allowedOrigins: readonly string[]): string | undefined {
  if (Buffer.byteLength(text) > maxBytes) return `must have ${maxBytes} bytes at most`
  const url = URL.parse(text)
  return url === null || (url.protocol !== "http:" && url.protocol !== "https:")
    ? "must be an absolute http or https URL"
    : url.username !== "" || url.password !== ""
      ? "must not contain a user name or a password"
      : allowedOrigins.includes(url.origin)
        ? undefined
        : `must have one of the allowed origins, which FORWARD_URL_ORIGINS names: ${allowedOrigins.join(", ")}`
}

/** The forward URL with the outcome added. The rest of its query is kept byte for byte, because it may be signed. */
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
