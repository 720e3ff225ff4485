import { Hono } from "hono"
import type { Clock } from "../../lib/time.ts"
import type { Settings } from "../settings.ts"
import type { State } from "../state.ts"
import { addAuthorizeRoutes } from "./authorize-routes.ts"
import type { OAuthClient } from "./check-client.ts"
import { createGrants } from "./grants.ts"
import { addTokenRoutes } from "./token-routes.ts"

export type OAuthOptions = {
  clients: readonly OAuthClient[]
  state: () => State
  settings: Settings
  clock: Clock
  seed: number
}

/** The OAuth addresses of login.mailchimp.com. */
export function createOAuthRoutes({ clients, state, settings, clock, seed }: OAuthOptions): Hono {
  const oauth = new Hono()
  const grants = createGrants(clock, seed)
  addAuthorizeRoutes(oauth, { clients, state, settings, grants })
  addTokenRoutes(oauth, { clients, state, grants })
  return oauth
}
