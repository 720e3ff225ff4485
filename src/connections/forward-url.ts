import { AppError } from "../errors.ts"

/** The state holds the forward URL: a longer one makes a callback that proxies, and Bun, refuse with 414 or 431. */
const mostBytes = 2048

/** Why an authorization failed, as the forward URL tells it. */
export type FailureReason = "access_denied" | "exchange_failed" | "metadata_invalid" | "connection_exists"

/**
 * Checks where a login wants to send the browser back to: http or https, no user info, and exactly one of the allowed
 * origins, since an open redirect would hand the outcome, and the user's trust, to anyone (RFC 9700, 4.11).
 *
 * @throws AppError `invalid_parameter`
 */
export function parseForwardUrl(text: string, allowedOrigins: readonly string[]): string {
  const url = URL.parse(text)
  const reason =
    Buffer.byteLength(text) > mostBytes
      ? `must have ${mostBytes} bytes at most`
      : url === null || (url.protocol !== "http:" && url.protocol !== "https:")
        ? "must be an absolute http or https URL"
        : url.username !== "" || url.password !== ""
          ? "must not hold a user name or a password"
          : allowedOrigins.includes(url.origin)
            ? undefined
            : `must have one of the allowed origins: ${allowedOrigins.join(", ")}`
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
