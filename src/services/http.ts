import { createVerifier } from "../http/authenticate.ts"
import { createConcurrencyLimit } from "../http/concurrency.ts"
import { createLoginCookie, noLoginCookie } from "../http/login-cookie.ts"
import type { Shared } from "./shared.ts"

export function createHttp({ config, clock }: Shared) {
  const { publicUrl, mailchimp } = config
  // The URL at which browsers reach this service, and the one to which Mailchimp redirects them.
  const hosts = [publicUrl, mailchimp.redirectUri].map((url) => new URL(url).hostname)
  return {
    now: clock.now,
    publicUrl,
    corsOrigins: config.corsOrigins,
    stallTimeoutMs: config.exportStallTimeoutMs,
    verifyToken: createVerifier({ ...config.jwt, clock }),
    loginCookie: config.loginCookie
      ? createLoginCookie(publicUrl.startsWith("https:"), hosts)
      : noLoginCookie,
    exportLimit: createConcurrencyLimit({ max: config.maxExports, maxPerCaller: config.maxExportsPerCaller }),
    followerLimit: createConcurrencyLimit({ max: config.maxFollowers, maxPerCaller: config.maxFollowers }),
  }
}
