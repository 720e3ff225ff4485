import type { Context } from "hono"

/** A page loads nothing but its own files, talks to nobody but this service, and is shown in no frame. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ")

/** The headers of a page that runs scripts. */
export function protectPage(context: Context): void {
  context.header("content-security-policy", policy)
  context.header("referrer-policy", "no-referrer")
}
