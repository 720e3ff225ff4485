import type { Hono } from "hono"
import type { State } from "../state.ts"
import type { OAuthClient } from "./check-client.ts"
import type { Grants } from "./grants.ts"

export type TokenOptions = { clients: readonly OAuthClient[]; state: () => State; grants: Grants }

/** Adds the exchange of a code for a token, and the metadata of a token's account. */
export function addTokenRoutes(oauth: Hono, { clients, state, grants }: TokenOptions): void {
  oauth.post("/token", async (c) => {
    const refuse = (error: string, error_description: string) => c.json({ error, error_description }, 400)
    if (!c.req.header("content-type")?.startsWith("application/x-www-form-urlencoded")) {
      return refuse("invalid_request", "The body must be application/x-www-form-urlencoded")
    }
    const form = new URLSearchParams(await c.req.text())
    const missing = ["grant_type", "client_id", "client_secret", "redirect_uri", "code"].find(
      (name) => !form.get(name),
    )
    if (missing) return refuse("invalid_request", `Missing parameter: "${missing}" is required`)
    if (form.get("grant_type") !== "authorization_code") {
      return refuse("unsupported_grant_type", 'Grant type must be "authorization_code"')
    }
    const client = clients.find(({ clientId }) => clientId === form.get("client_id"))
    if (!client || client.clientSecret !== form.get("client_secret")) {
      return refuse("invalid_client", "The client credentials are invalid")
    }
    const grant = grants.take(form.get("code") ?? "")
    if (!grant || grant.clientId !== client.clientId || !state().accounts.includes(grant.account)) {
      return refuse("invalid_grant", "The authorization code is invalid or has expired")
    }
    if (grant.redirectUri !== form.get("redirect_uri")) {
      return refuse("redirect_uri_mismatch", "The redirect URI does not match the one of the authorization")
    }
    return c.json({ access_token: grants.issueToken(grant.account), expires_in: 0, scope: null })
  })

  oauth.get("/metadata", (c) => {
    const token = /^(?:OAuth|Bearer) (.+)$/i.exec(c.req.header("authorization") ?? "")?.[1]
    const account = state().accountOfToken(token ?? "")
    // 200, as at Mailchimp: only the body reports the error.
    if (!account) return c.json({ error: "invalid_token", error_description: "The access token is invalid" })
    const origin = new URL(c.req.url).origin
    return c.json({
      dc: account.dc,
      role: "owner",
      accountname: account.accountName,
      user_id: account.userId,
      login: {
        email: account.loginEmail,
        avatar: null,
        login_id: account.loginId,
        login_name: account.loginEmail,
        login_email: account.loginEmail,
      },
      login_url: origin,
      api_endpoint: `${origin}/${account.dc}`,
    })
  })
}
