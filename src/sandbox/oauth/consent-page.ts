import { html } from "hono/html"
import { renderFrame } from "../page-frame.ts"
import type { Account } from "../account.ts"

export type ConsentPageOptions = {
  params: URLSearchParams
  accounts: readonly Account[]
  redirectUri: string
}

/**
 * The page on which a person chooses an account and allows or denies access. The form carries the request's
 * parameters.
 */
export function renderConsentPage({ params, accounts, redirectUri }: ConsentPageOptions) {
  const hidden = [...params].map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`,
  )
  const choices = accounts.map(
    (account, index) =>
      html`<label class="choice">
        <input type="radio" name="account" value="${account.userId}" ${index === 0 ? "checked" : ""} />
        <span
          >${account.accountName}
          <small
            >${account.loginEmail} · ${account.dc} · ${account.lists.length}
            ${account.lists.length === 1 ? "list" : "lists"}</small
          ></span
        >
      </label>`,
  )
  return renderFrame(
    "Allow access · Mailchimp sandbox",
    html`<main class="narrow">
      <div class="card">
        <span class="badge">Sandbox</span>
        <h1>Allow access to your account?</h1>
        <p class="quiet">
          The app <code>${params.get("client_id")}</code> asks to read the lists and contacts of one of these
          accounts. Nothing here is real: this is a Mailchimp on your own machine.
        </p>
        <form method="post" action="/oauth2/authorize">
          ${hidden}
          <fieldset>
            <legend>Account</legend>
            ${choices}
          </fieldset>
          <div class="row">
            <button class="main" name="decision" value="approve">Approve</button>
            <button name="decision" value="deny">Deny</button>
          </div>
        </form>
      </div>
      <p>
        <small>Either way you return to <code>${redirectUri}</code></small>
      </p>
    </main>`,
  )
}

/** The page that a person sees if Mailchimp must not redirect them, because the redirect URI cannot be trusted. */
export function renderErrorPage(reason: string) {
  return renderFrame(
    "Cannot authorize · Mailchimp sandbox",
    html`<main class="narrow">
      <div class="card">
        <span class="badge">Sandbox</span>
        <h1>This app cannot be authorized</h1>
        <p class="bad" role="alert">${reason}</p>
        <p class="quiet">Mailchimp shows a page like this one instead of returning to the app.</p>
      </div>
    </main>`,
  )
}
