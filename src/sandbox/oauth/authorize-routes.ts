import type { Context, Hono } from "hono"
import type { Account } from "../account.ts"
import type { Settings } from "../settings.ts"
import type { State } from "../state.ts"
import { checkClient, type OAuthClient } from "./check-client.ts"
import { renderConsentPage, renderErrorPage } from "./consent-page.ts"
import type { Grants } from "./grants.ts"

export type AuthorizeOptions = {
  clients: readonly OAuthClient[]
  state: () => State
  settings: Settings
  grants: Grants
}

/** Adds the consent page, and the redirect back to the app after a decision. */
export function addAuthorizeRoutes(
  oauth: Hono,
  { clients, state, settings, grants }: AuthorizeOptions,
): void {
  const finish = (c: Context, params: URLSearchParams, account: Account | undefined) => {
    const checked = checkClient(clients, params)
    if (typeof checked === "string") return c.html(renderErrorPage(checked), 400)
    const { client, redirectUri } = checked
    const result = account
      ? { code: grants.add({ account, clientId: client.clientId, redirectUri }) }
      : { error: "access_denied", error_description: "The user denied the request" }
    return c.redirect(withParams(redirectUri, params, result), 302)
  }

  oauth.get("/authorize", (c) => {
    const params = new URL(c.req.url).searchParams
    const checked = checkClient(clients, params)
    if (typeof checked === "string") return c.html(renderErrorPage(checked), 400)
    if (params.get("response_type") !== "code") {
      return c.redirect(withParams(checked.redirectUri, params, { error: "unsupported_response_type" }), 302)
    }
    const { accounts } = state()
    const { decision, consentingUserId = accounts[0]?.userId } = settings
    switch (decision) {
      case "ask":
        return c.html(renderConsentPage({ params, accounts, redirectUri: checked.redirectUri }))
      case "approve":
        return finish(c, params, findAccount(accounts, consentingUserId))
      case "deny":
        return finish(c, params, undefined)
    }
  })

  oauth.post("/authorize", async (c) => {
    const form = new URLSearchParams(await c.req.text())
    const isApproved = form.get("decision") === "approve"
    return finish(
      c,
      form,
      isApproved ? findAccount(state().accounts, Number(form.get("account"))) : undefined,
    )
  })
}

function findAccount(accounts: readonly Account[], userId: number | undefined): Account | undefined {
  return accounts.find((account) => account.userId === userId)
}

/** The redirect URI with the result and the request's `state`; its own query stays. */
function withParams(
  redirectUri: string,
  params: URLSearchParams,
  result: Readonly<Record<string, string>>,
): string {
  const target = new URL(redirectUri)
  const echoed = params.get("state")
  if (echoed !== null) target.searchParams.set("state", echoed)
  for (const [name, value] of Object.entries(result)) target.searchParams.set(name, value)
  return target.href
}
