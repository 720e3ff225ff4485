import type { Context } from "hono"
import { AppError } from "../errors.ts"

/** The hosts to which a login's cookie must return: this service, and the callback registered at Mailchimp. */
export type LoginHosts = readonly string[]

/**
 * Refuses a login that a page of another site requests. Its browser silently drops the cookie of the response, so the
 * callback after the consent would fail.
 *
 * @throws AppError `login_cross_site`
 */
export function refuseCrossSiteLogin(context: Context, hosts: LoginHosts): void {
  const header = (name: string) => context.req.header(name)
  const page = hostOf(header("origin")) ?? hostOf(header("referer"))
  if (!saysCrossSite(header) && !hosts.every((host) => isOtherMachine(page, host))) return
  const names = page === undefined ? "" : ` (${page} and ${hosts[0]})`
  throw new AppError(
    "login_cross_site",
    `Cannot start the login because the page and this service are on different sites${names}, so the browser would drop the login's cookie: serve both from one site, or let your server request the login and set LOGIN_COOKIE=off`,
  )
}

/** A browser keeps the cookies of the response to a top-level navigation, whatever site the link was on. */
function saysCrossSite(header: (name: string) => string | undefined): boolean {
  const isNavigation = header("sec-fetch-mode") === "navigate" && header("sec-fetch-dest") === "document"
  return header("sec-fetch-site") === "cross-site" && !isNavigation
}

/**
 * Browsers send `Sec-Fetch-Site` only over https and to the local machine, old browsers never. The header does not
 * help if the page uses another host name than the callback: `localhost` and `127.0.0.1` share no cookies.
 */
function isOtherMachine(page: string | undefined, host: string): boolean {
  return page !== undefined && page !== host && (isMachine(page) || isMachine(host))
}

/** A host that is same-site only with itself. */
function isMachine(host: string): boolean {
  return host === "localhost" || host.startsWith("[") || /^[\d.]+$/.test(host)
}

function hostOf(url: string | undefined): string | undefined {
  return URL.parse(url ?? "")?.hostname || undefined
}
