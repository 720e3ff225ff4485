import { html, raw } from "hono/html"
import { renderFrame } from "../page-frame.ts"
import type { SandboxDescription } from "./describe-sandbox.ts"
import { actionButton, homePageScript } from "./action-button.ts"
import { renderDisturbSection } from "./disturb-section.ts"

const number = new Intl.NumberFormat("en")

/** The sandbox at a glance: accounts, lists, received requests, and buttons to disturb it. */
export function renderHomePage({
  accounts,
  settings,
  requests,
  faults,
  churn,
  deliveries,
}: SandboxDescription) {
  return renderFrame(
    "Mailchimp sandbox",
    html`<main>
        <span class="badge">Sandbox</span>
        <h1>A Mailchimp on your own machine</h1>
        <p class="quiet">
          ${number.format(requests.total)} requests served · ${number.format(deliveries)} webhook deliveries ·
          consent: ${settings.decision} · latency: ${settings.latencyMs}
          ${typeof settings.latencyMs === "number" ? "ms" : ""}
        </p>
        ${accounts.map(renderAccount)} ${renderDisturbSection({ settings, faults, churn })}
        <section class="card" aria-labelledby="requests">
          <h2 id="requests">Requests</h2>
          ${Object.keys(requests.by_path).length === 0 ? html`<p class="quiet">None yet.</p>` : renderRequests(requests.by_path)}
        </section>
      </main>
      <script>
        ${raw(homePageScript)}
      </script>`,
  )
}

function renderAccount(account: SandboxDescription["accounts"][number]) {
  const address = `/sandbox/accounts/${account.user_id}`
  return html`<section class="card" aria-label="${account.account_name}">
    <h2>${account.account_name}</h2>
    <p class="quiet">
      ${account.login_email} · user <code>${account.user_id}</code> · ${account.dc} · ${account.tokens}
      ${account.tokens === 1 ? "token" : "tokens"} · at most ${account.connections.peak} connections at once
      ${account.disabled ? html`· <strong class="bad">disabled</strong>` : ""}
    </p>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">List</th>
            <th scope="col">Id</th>
            <th scope="col" class="number">Subscribed</th>
            <th scope="col" class="number">Other</th>
            <th scope="col" class="number">Archived</th>
            <th scope="col" class="number">Webhooks</th>
            <th scope="col" aria-label="Changes"></th>
          </tr>
        </thead>
        <tbody>
          ${account.lists.map(renderList)}
        </tbody>
      </table>
    </div>
    <div class="row">
      ${actionButton("POST", `${address}/revoke`, undefined, "Revoke its tokens")}
      ${actionButton("PUT", `${address}/disabled`, !account.disabled, account.disabled ? "Enable the user" : "Disable the user")}
    </div>
  </section>`
}

function renderList({ id, name, counts, webhooks }: SandboxDescription["accounts"][number]["lists"][number]) {
  const { subscribed, archived, ...other } = counts
  const others = Object.values(other).reduce((sum, count) => sum + count, 0)
  return html`<tr>
    <td>${name}</td>
    <td><code>${id}</code></td>
    <td class="number">${number.format(subscribed)}</td>
    <td class="number">${number.format(others)}</td>
    <td class="number">${number.format(archived)}</td>
    <td class="number">${webhooks}</td>
    <td>
      ${actionButton("POST", `/sandbox/lists/${id}/changes`, { edits: 5, deletions: 1, additions: 2 }, "Change some")}
    </td>
  </tr>`
}

function renderRequests(byPath: Record<string, number>) {
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          <th scope="col">Request</th>
          <th scope="col" class="number">Count</th>
        </tr>
      </thead>
      <tbody>
        ${Object.entries(byPath).map(
          ([path, count]) =>
            html`<tr>
              <td><code>${path}</code></td>
              <td class="number">${number.format(count)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`
}
