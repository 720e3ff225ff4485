import { createHash, timingSafeEqual } from "node:crypto"
import { z } from "zod"
import { AppError, CannotOpen } from "../errors.ts"
import type { Sealer } from "../sealer.ts"
import { isAllowedForwardUrl } from "./forward-url.ts"

/** How long a login may take: the lifetime of a state and of the browser's cookie. */
export const authorizationLifeMs = 10 * 60 * 1000

/** The content of a state: the short, single-use trip of one caller's browser from login to callback. */
const authorizationSchema = z.strictObject({
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

/**
 * Opens the state that Mailchimp's redirect returns.
 *
 * @throws {AppError} `invalid_state` if it was not sealed here, or its forward URL is no longer allowed
 */
export async function openAuthorization(
  state: string | undefined,
  sealer: Pick<Sealer, "open">,
  forwardUrlOrigins: readonly string[],
): Promise<Authorization> {
  if (state === undefined) throw invalidState("the callback has no state: start the login again")
  const content = await sealer.open(state, { purpose: "state" }).catch((cause: unknown) => {
    if (!(cause instanceof CannotOpen)) throw cause
    throw invalidState("its state was not made here: start the login again", cause)
  })
  const { data: authorization } = authorizationSchema.safeParse(content)
  if (authorization === undefined)
    throw invalidState("another version of this service started it: start the login again")
  if (!isAllowedForwardUrl(authorization.forwardUrl, forwardUrlOrigins))
    throw invalidState("its forward URL is no longer allowed: start the login again")
  return authorization
}

export function invalidState(reason: string, cause?: unknown): AppError {
  return new AppError("invalid_state", `Cannot finish the login because ${reason}`, { cause })
}
