import { Hono, type Context } from "hono"
import type { Clock } from "../../lib/time.ts"
import { md5 } from "../members/member.ts"
import type { Settings } from "../settings.ts"
import type { Account, State } from "../state.ts"
import { renderConsentPage, renderErrorPage } from "./consent-page.ts"

/** An app registered at Mailchimp. */
export type OAuthClient = {
  clientId: string
  clientSecret: string
  /** The redirect URI, compared exactly; if it is undefined, any http(s) URI is accepted. */
  redirectUri?: string
}

export type OAuthOptions = {
  clients: readonly OAuthClient[]
  state: () => State
  settings: Settings
  clock: Clock
  seed: number
}

/** A code works once, and only for this long. */
const CODE_LIFE_MS = 30_000

type Grant = { account: Account; clientId: string; redirectUri: string; expiresAt: number }

/** The three OAuth addresses of login.mailchimp.com. */
export function createOAuthRoutes({ clients, state, settings, clock, seed }: OAuthOptions): Hono {
  const grants = new Map<string, Grant>()
  let serial = 0
  const newSecret = (kind: string) => md5(`${seed} ${kind} ${serial++} ${clock.now()}`)

  /**
   * A valid authorize request, or the reason why it is invalid. The browser is never redirected to a URI that was not
   * checked.
   */
  const checkClient = (params: URLSearchParams): { client: OAuthClient; redirectUri: string } | string => {
    const client = clients.find(({ clientId }) => clientId === params.get("client_id"))
    if (!client) return "The client_id is not registered"
    const redirectUri = params.get("redirect_uri") ?? ""
    const accepted =
      client.redirectUri === undefined
        ? /^https?:$/.test(URL.parse(redirectUri)?.protocol ?? "")
        : redirectUri === client.redirectUri
    return accepted ? { client, redirectUri } : "The redirect_uri does not match the one that is registered"
  }

  const finish = (
    c: Context,
    params: URLSearchParams,
    decision: "approve" | "deny",
    account: Account | undefined,
  ) => {
    const checked = checkClient(params)
    if (typeof checked === "string") return c.html(renderErrorPage(checked), 400)
    const target = new URL(checked.redirectUri)
    const echoed = params.get("state")
    if (echoed !== null) target.searchParams.set("state", echoed)
    if (decision === "deny" || !account) {
      target.searchParams.set("error", "access_denied")
      target.searchParams.set("error_description", "The user denied the request")
    } else {
      const code = newSecret("code")
      grants.set(code, {
        account,
        clientId: checked.client.clientId,
        redirectUri: checked.redirectUri,
        expiresAt: clock.now() + CODE_LIFE_MS,
      })
      target.searchParams.set("code", code)
    }
    return c.redirect(target.href, 302)
  }

  const chosenAccount = (userId: string | null): Account | undefined => {
    const wanted = userId === null ? settings.consentingUserId : Number(userId)
    const { accounts } = state()
    return wanted === undefined ? accounts[0] : accounts.find((account) => account.userId === wanted)
  }

  return new Hono()
    .get("/authorize", (c) => {
      const params = new URL(c.req.url).searchParams
      const checked = checkClient(params)
      if (typeof checked === "string") return c.html(renderErrorPage(checked), 400)
      if (params.get("response_type") !== "code") {
        const target = new URL(checked.redirectUri)
        target.searchParams.set("error", "unsupported_response_type")
        const echoed = params.get("state")
        if (echoed !== null) target.searchParams.set("state", echoed)
        return c.redirect(target.href, 302)
      }
      // For tests: the URL that a browser was sent to may say who consents, and how.
      const decision = params.get("sandbox_decision") ?? settings.decision
      if (decision === "approve" || decision === "deny") {
        return finish(c, params, decision, chosenAccount(params.get("sandbox_account")))
      }
      return c.html(
        renderConsentPage({ params, accounts: state().accounts, redirectUri: checked.redirectUri }),
      )
    })
    .post("/authorize", async (c) => {
      const form = new URLSearchParams(await c.req.text())
      const decision = form.get("decision") === "approve" ? "approve" : "deny"
      return finish(c, form, decision, chosenAccount(form.get("account")))
    })
    .post("/token", async (c) => {
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
      const code = form.get("code") ?? ""
      const grant = grants.get(code)
      // Consumed whatever the outcome: a code that was presented once is spent.
      grants.delete(code)
      if (
        !grant ||
        grant.clientId !== client.clientId ||
        grant.expiresAt <= clock.now() ||
        !state().accounts.includes(grant.account)
      ) {
        return refuse("invalid_grant", "The authorization code is invalid or has expired")
      }
      if (grant.redirectUri !== form.get("redirect_uri")) {
        return refuse("redirect_uri_mismatch", "The redirect URI does not match the one of the authorization")
      }
      const token = newSecret("token")
      grant.account.tokens.add(token)
      return c.json({ access_token: token, expires_in: 0, scope: null })
    })
    .get("/metadata", (c) => {
      const token = /^(?:OAuth|Bearer) (.+)$/i.exec(c.req.header("authorization") ?? "")?.[1]
      const account = state().accountOfToken(token ?? "")
      // 200, as at Mailchimp: only the body reports the error.
      if (!account)
        return c.json({ error: "invalid_token", error_description: "The access token is invalid" })
      const origin = new URL(c.req.url).origin
      return c.json({
        dc: account.dc,
        role: account.role,
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
