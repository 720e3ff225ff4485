import type { Context } from "hono"
import { getCookie, setCookie } from "hono/cookie"
import { authorizationLifeMs } from "../connections/authorization.ts"
import { type LoginHosts, refuseCrossSiteLogin } from "./login-site.ts"

/**
 * The cookie that binds a login to the browser that started it (RFC 9700, 4.7). Otherwise an attacker could send their
 * own login URL to a victim, and export the account of the victim who consents.
 */
export type LoginCookie = {
  /** @throws AppError `login_cross_site` if the browser would not keep the cookie */
  refuseCrossSite(context: Context): void
  /**
   * The browser's secret, created if the browser has none yet, and renewed for another ten minutes.
   *
   * @throws AppError `login_cross_site` if the browser would not keep the cookie
   */
  ensure(context: Context): string | undefined
  read(context: Context): string | undefined
}

/**
 * @param secure whether browsers reach this service by https; browsers refuse a `__Host-` cookie over http
 * @param hosts the hosts at which browsers reach this service
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

/** For platforms whose server starts the login: no cookie, and logins are not bound to a browser. */
export const noLoginCookie: LoginCookie = {
  refuseCrossSite: () => {},
  ensure: () => undefined,
  read: () => undefined,
}
