import { createHash, timingSafeEqual } from "node:crypto"
import { z } from "zod"

/** How long a login may take: the lifetime of a state and of the browser's cookie. */
export const authorizationLifeMs = 10 * 60 * 1000

/** The content of a state: the short, single-use trip of one caller's browser from login to callback. */
export const authorizationSchema = z.strictObject({
  /** Random; makes the state single-use. */
  id: z.string(),
  owner: z.strictObject({ accountId: z.string(), uid: z.string() }),
  forwardUrl: z.string(),
  /** SHA-256 of the secret in the browser's cookie; absent if the login is not bound to a browser. */
  browserHash: z.string().optional(),
  /** Milliseconds since the epoch. */
  expiresAt: z.number(),
})

export type Authorization = z.infer<typeof authorizationSchema>

export function toBrowserHash(browserSecret: string): string {
  return createHash("sha256").update(browserSecret).digest("base64url")
}

/** Whether the callback comes from the browser that started the login (RFC 9700, 4.7). */
export function isSameBrowser(authorization: Authorization, browserSecret: string | undefined): boolean {
  if (authorization.browserHash === undefined) return true
  if (browserSecret === undefined) return false
  return timingSafeEqual(Buffer.from(authorization.browserHash), Buffer.from(toBrowserHash(browserSecret)))
}
