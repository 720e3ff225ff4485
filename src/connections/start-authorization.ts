import { AppError } from "../errors.ts"
import { type Clock, TimedOut, withTimeout } from "../lib/time.ts"
import { InvalidToken } from "../mailchimp/errors.ts"
import type { Sealer } from "../sealer.ts"
import { authorizationLifeMs, toBrowserHash, type Authorization } from "./authorization.ts"
import type { Connection, ConnectionStore, Owner } from "./connection.ts"
import { parseForwardUrl, toOutcomeUrl } from "./forward-url.ts"

export type StartAuthorization = (request: {
  readonly owner: Owner
  readonly forwardUrl: string
  /** The secret of the browser's cookie; absent if logins are not bound to a browser. */
  readonly browserSecret: string | undefined
}) => Promise<
  | { readonly connected: true; readonly forwardUrl: string }
  | { readonly connected: false; readonly redirectUrl: string }
>

/** Short, because a person is waiting for the login page. */
const metadataTimeoutMs = 2_000

/**
 * Starts a login: seals a single-use state into Mailchimp's authorization URL. With a live connection there is nothing
 * to authorize, and the browser goes straight to the forward URL. An invalidated connection stays until the callback
 * replaces it, so that an abandoned login loses nothing.
 *
 * Mailchimp sends no notification when a user removes the app, so the metadata endpoint is read for a connection that
 * looks alive. Unless the endpoint says within two seconds that the token is invalid, the stored mark decides.
 */
export function createStartAuthorization(deps: {
  readonly connections: Pick<ConnectionStore, "find" | "update">
  /** Makes one request. */
  readonly readMetadata: (accessToken: string, signal: AbortSignal) => Promise<unknown>
  readonly sealer: Sealer
  readonly forwardUrlOrigins: readonly string[]
  readonly toAuthorizationUrl: (state: string) => string
  readonly clock: Clock
  readonly randomId?: () => string
}): StartAuthorization {
  const { connections, sealer, clock, randomId = () => crypto.randomUUID() } = deps

  return async ({ owner, forwardUrl, browserSecret }) => {
    parseForwardUrl(forwardUrl, deps.forwardUrlOrigins)
    const existing = await connections.find(owner)
    if (existing !== undefined && (await isAlive(existing))) {
      return { connected: true, forwardUrl: toOutcomeUrl(forwardUrl) }
    }
    const authorization: Authorization = {
      id: randomId(),
      owner,
      forwardUrl,
      ...(browserSecret === undefined ? {} : { browserHash: toBrowserHash(browserSecret) }),
      expiresAt: clock.now() + authorizationLifeMs,
    }
    const state = await sealer.seal(authorization, { purpose: "state" })
    return { connected: false, redirectUrl: deps.toAuthorizationUrl(state) }
  }

  async function isAlive(connection: Connection): Promise<boolean> {
    if (connection.tokenInvalidated) return false
    try {
      await withTimeout((signal) => deps.readMetadata(connection.accessToken, signal), {
        timeoutMs: metadataTimeoutMs,
        clock,
      })
    } catch (error) {
      if (error instanceof InvalidToken) {
        // If the mark cannot be stored, the login fails here: the callback would refuse the new connection.
        await connections.update(connection, { tokenInvalidated: true })
        return false
      }
      // Any other failure of Mailchimp says nothing about the token.
      if (!(error instanceof AppError) && !(error instanceof TimedOut)) throw error
    }
    return true
  }
}
