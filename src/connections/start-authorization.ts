import type { Sealer } from "../sealer.ts"
import type { Clock } from "../lib/clock.ts"
import { authorizationLifeMs, toBrowserHash, type Authorization } from "./authorization.ts"
import type { ConnectionStore, Owner } from "./connection.ts"
import { parseForwardUrl, toOutcomeUrl } from "./forward-url.ts"

export type StartAuthorization = (request: {
  readonly owner: Owner
  readonly forwardUrl: string
  /** The secret of the browser's cookie; none where logins are not bound to a browser. */
  readonly browserSecret: string | undefined
}) => Promise<
  | { readonly connected: true; readonly forwardUrl: string }
  | { readonly connected: false; readonly redirectUrl: string }
>

/**
 * Begins a login: seals a single-use state into Mailchimp's authorization URL. With a live connection there is nothing
 * to authorize, and the browser may go straight on to the forward URL. An invalidated connection stays as it is until
 * the callback replaces it, so that a login begun and given up loses nothing.
 */
export function createStartAuthorization(deps: {
  readonly connections: Pick<ConnectionStore, "find">
  readonly sealer: Sealer
  readonly forwardUrlOrigins: readonly string[]
  readonly toAuthorizationUrl: (state: string) => string
  readonly clock: Pick<Clock, "now">
  readonly randomId?: () => string
}): StartAuthorization {
  const { connections, sealer, clock, randomId = () => crypto.randomUUID() } = deps

  return async ({ owner, forwardUrl, browserSecret }) => {
    parseForwardUrl(forwardUrl, deps.forwardUrlOrigins)
    const existing = await connections.find(owner)
    if (existing !== undefined && !existing.tokenInvalidated) {
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
}
