import { html, raw } from "hono/html"
import { renderFrame } from "../page-frame.ts"
import type { SandboxDescription } from "./describe-sandbox.ts"

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
        ${accounts.map(renderAccount)}
        <section class="card" aria-labelledby="disturb">
          <h2 id="disturb">Disturb it</h2>
          <div class="row">
            ${decisions.map(([decision, label]) =>
              action("PUT", "/sandbox/settings", { decision }, label, decision === settings.decision),
            )}
          </div>
          <div class="row">
            ${
              churn.running
                ? action("DELETE", "/sandbox/churn", undefined, "Stop the churn")
                : action(
                    "PUT",
                    "/sandbox/churn",
                    { everyPage: { edits: 5, deletions: 1, additions: 2 } },
                    "Change lists at every page",
                  )
            }
            ${action("POST", "/sandbox/reset", undefined, "Reset everything")}
          </div>
          <form id="fault" class="row">
            <label class="field"
              >The next page of members
              <select name="fault">
                ${faultChoices.map(([label, fault]) => html`<option value="${JSON.stringify(fault)}">${label}</option>`)}
              </select></label
            >
            <button>Add the fault</button>
            ${faults.length > 0 ? action("DELETE", "/sandbox/faults", undefined, "Clear all faults") : ""}
          </form>
          ${
            faults.length > 0
              ? html`<ul class="plain">
                  ${faults.map(
                    ({ action, matched, played }) =>
                      html`<li>
                        <code>${JSON.stringify(action)}</code>
                        <small>matched ${matched}, played ${played}</small>
                      </li>`,
                  )}
                </ul>`
              : ""
          }
          <p id="result" role="status" class="quiet"></p>
        </section>
        <section class="card" aria-labelledby="requests">
          <h2 id="requests">Requests</h2>
          ${Object.keys(requests.by_path).length === 0 ? html`<p class="quiet">None yet.</p>` : renderRequests(requests.by_path)}
        </section>
      </main>
      <script>
        ${raw(script)}
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
      ${action("POST", `${address}/revoke`, undefined, "Revoke its tokens")}
      ${action("PUT", `${address}/disabled`, !account.disabled, account.disabled ? "Enable the user" : "Disable the user")}
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
      ${action("POST", `/sandbox/lists/${id}/changes`, { edits: 5, deletions: 1, additions: 2 }, "Change some")}
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

const decisions = [
  ["ask", "Ask for consent"],
  ["approve", "Always approve"],
  ["deny", "Always deny"],
] as const

/** A button that sends a request and reloads the page; `pressed` marks the current choice of several. */
function action(method: string, path: string, body: unknown, label: string, pressed?: boolean) {
  return html`<button
    type="button"
    data-method="${method}"
    data-path="${path}"
    data-body="${body === undefined ? "" : JSON.stringify(body)}"
    ${pressed === undefined ? "" : raw(`aria-pressed="${pressed}"`)}
  >
    ${label}
  </button>`
}

const faultChoices: [string, object][] = [
  ["is a 429 Too Many Requests", { kind: "problem", problem: "too_many_requests" }],
  ["is a 500 Internal Server Error", { kind: "problem", problem: "internal_server_error" }],
  ["is a 502 with HTML", { kind: "html", status: 502 }],
  ["is blocked by a 403 with HTML", { kind: "html", status: 403, page: "akamai" }],
  ["is a 200 with broken JSON", { kind: "bad_json" }],
  ["has only three rows", { kind: "short_page", rows: 3 }],
  ["is a page of another list", { kind: "odd_page", oddity: "other_list" }],
  ["is truncated in the middle", { kind: "cut" }],
  ["is a reset connection", { kind: "reset" }],
  ["never arrives", { kind: "hang" }],
  ["arrives slowly", { kind: "slow", chunks: 20, everyMs: 250 }],
]

const script = `
const send = async (method, path, body) => {
  const response = await fetch(path, { method, ...(body ? { body, headers: { "content-type": "application/json" } } : {}) })
  if (response.ok) location.reload()
  else document.getElementById("result").textContent = await response.text()
}
document.addEventListener("click", ({ target }) => {
  const { method, path, body } = target.dataset
  if (method) send(method, path, body)
})
document.getElementById("fault").addEventListener("submit", (event) => {
  event.preventDefault()
  const action = JSON.parse(new FormData(event.target).get("fault"))
  send("POST", "/sandbox/faults", JSON.stringify({ match: { path: "/members" }, action }))
})
`
