import { createVerifier } from "../http/authenticate.ts"
import { createExportSlots } from "../http/export-slots.ts"
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
    exportSlots: createExportSlots({ max: config.maxExports, maxPerCaller: config.maxExportsPerCaller }),
    followerSlots: createExportSlots({ max: config.maxFollowers, maxPerCaller: config.maxFollowers }),
  }
}
