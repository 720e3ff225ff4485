import { html } from "hono/html"
import type { FaultActionInput } from "../faults/fault-action.ts"
import { actionButton } from "./action-button.ts"
import type { SandboxDescription } from "./describe-sandbox.ts"

/** The card with which a person makes the sandbox misbehave: consent, churn, faults, reset. */
export function renderDisturbSection({
  settings,
  faults,
  churn,
}: Pick<SandboxDescription, "settings" | "faults" | "churn">) {
  return html`<section class="card" aria-labelledby="disturb">
    <h2 id="disturb">Make it misbehave</h2>
    <div class="row">
      ${decisions.map(([decision, label]) =>
        actionButton("PUT", "/sandbox/settings", { decision }, label, decision === settings.decision),
      )}
    </div>
    <div class="row">
      ${
        churn.running
          ? actionButton("DELETE", "/sandbox/churn", undefined, "Stop the churn")
          : actionButton(
              "PUT",
              "/sandbox/churn",
              { everyPage: { edits: 5, deletions: 1, additions: 2 } },
              "Change lists at every page",
            )
      }
      ${actionButton("POST", "/sandbox/reset", undefined, "Reset everything")}
    </div>
    <form id="fault" class="row">
      <label class="field"
        >The next page of members
        <select name="fault">
          ${faultChoices.map(([label, fault]) => html`<option value="${JSON.stringify(fault)}">${label}</option>`)}
        </select></label
      >
      <button>Add the fault</button>
      ${faults.length > 0 ? actionButton("DELETE", "/sandbox/faults", undefined, "Clear all faults") : ""}
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
  </section>`
}

const decisions = [
  ["ask", "Ask for consent"],
  ["approve", "Always approve"],
  ["deny", "Always deny"],
] as const

const faultChoices: readonly (readonly [string, FaultActionInput])[] = [
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
