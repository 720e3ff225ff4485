import type { Context } from "hono"
import { AppError } from "../errors.ts"

/** Where a login's cookie must come back to: the service, and what is registered at Mailchimp as its callback. */
export type LoginHosts = readonly string[]

/**
 * Refuses a login that a page of another site asks for. Its browser drops the cookie of the answer without a word, and
 * after the consent no callback would be believed.
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
    `Cannot start the login because the page and this service are on different sites${names}, so that the browser would drop the login's cookie: serve both from one site, or let your server ask for the login and set LOGIN_COOKIE=off`,
  )
}

/** A document's own navigation keeps the cookies of its answer, wherever the link was. */
function saysCrossSite(header: (name: string) => string | undefined): boolean {
  const isNavigation = header("sec-fetch-mode") === "navigate" && header("sec-fetch-dest") === "document"
  return header("sec-fetch-site") === "cross-site" && !isNavigation
}

/**
 * Browsers send `Sec-Fetch-Site` by https and to the own machine alone, old ones never. And it is no help if the page
 * asks by another name than the callback's: `localhost` and `127.0.0.1` share no cookies.
 */
function isOtherMachine(page: string | undefined, host: string): boolean {
  return page !== undefined && page !== host && (isMachine(page) || isMachine(host))
}

/** A name that has no other site than itself. */
function isMachine(host: string): boolean {
  return host === "localhost" || host.startsWith("[") || /^[\d.]+$/.test(host)
}

function hostOf(url: string | undefined): string | undefined {
  return URL.parse(url ?? "")?.hostname || undefined
}
