import type { Context } from "hono"
import { getCookie, setCookie } from "hono/cookie"
import { authorizationLifeMs } from "../connections/authorization.ts"
import { type LoginHosts, refuseCrossSiteLogin } from "./login-site.ts"

/**
 * The cookie that binds a login to the browser that asked for it (RFC 9700, 4.7): else an attacker could mail his own
 * login URL, and export the account of whoever consents.
 */
export type LoginCookie = {
  /** @throws AppError `login_cross_site` if the browser would not keep it */
  refuseCrossSite(context: Context): void
  /**
   * The browser's secret, made where it has none yet, and written for another ten minutes.
   *
   * @throws AppError `login_cross_site` if the browser would not keep it
   */
  ensure(context: Context): string | undefined
  read(context: Context): string | undefined
}

/**
 * @param secure whether browsers reach this service by https; a `__Host-` cookie is refused over http
 * @param hosts where browsers reach this service
 */
export function createLoginCookie(secure: boolean, hosts: LoginHosts): LoginCookie {
  const name = secure ? "__Host-mailchimp_login" : "mailchimp_login"
  const read = (context: Context) => {
    const secret = getCookie(context, name)
    return secret !== undefined && /^[\w-]{43}$/.test(secret) ? secret : undefined
  }
  return {
    refuseCrossSite: (context) => refuseCrossSiteLogin(context, hosts),
    read,
    ensure: (context) => {
      refuseCrossSiteLogin(context, hosts)
      const secret =
        read(context) ??
        crypto.getRandomValues(new Uint8Array(32)).toBase64({ alphabet: "base64url", omitPadding: true })
      setCookie(context, name, secret, {
        httpOnly: true,
        sameSite: "Lax",
        secure,
        path: "/",
        maxAge: authorizationLifeMs / 1000,
      })
      return secret
    },
  }
}

/** For platforms that log in from their server: no cookie, and logins are not bound to a browser. */
export const noLoginCookie: LoginCookie = {
  refuseCrossSite: () => {},
  ensure: () => undefined,
  read: () => undefined,
}
