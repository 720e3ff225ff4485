import type { Context, MiddlewareHandler } from "hono"
import { accepts } from "hono/accepts"
import { html } from "hono/html"
import type { RequestEnv } from "./observe-requests.ts"

/** Our own page for a browser that cannot be redirected to the platform: it says what happened and what to do. */
export const callbackErrorPage: MiddlewareHandler<RequestEnv> = async (context, next) => {
  hideUrl(context)
  await next()
  const error = context.get("error")
  if (error === undefined || wantsJson(context)) return
  const { status } = context.res
  const isOurs = status >= 500
  const headers = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'",
    ...(status === 503 && { "retry-after": context.res.headers.get("retry-after") ?? "5" }),
  }
  const page = renderPage(isOurs ? later : again, context.get("requestId"))
  context.res = new Response(String(await page), { status, headers })
}

/** Whether a client wants a problem instead of a page. A browser lists HTML first. */
export function wantsJson(context: Context): boolean {
  const json = ["application/json", "application/problem+json"]
  return json.includes(
    accepts(context, { header: "Accept", supports: ["text/html", ...json], default: "text/html" }),
  )
}

/** The URL of the request or of the redirect holds a state or a code: neither a cache nor a referrer may keep it. */
export function hideUrl(context: Context): void {
  context.header("cache-control", "no-store")
  context.header("referrer-policy", "no-referrer")
}

const again = {
  reason: "The link is incomplete, too old, or not from this service.",
  advice: "Go back to the application that you came from, and connect Mailchimp there again.",
}
const later = {
  reason: "Something failed here, not in your Mailchimp account.",
  advice:
    "Wait a minute and reload this page. If that does not help, go back to the application that you came from, and connect Mailchimp there again.",
}

function renderPage({ reason, advice }: typeof again, requestId: string) {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Mailchimp is not connected</title>
      </head>
      <body>
        <h1>Mailchimp is not connected</h1>
        <p>${reason}</p>
        <p>${advice}</p>
        <p><small>Reference for support: ${requestId}</small></p>
      </body>
    </html>`
}
