import { countStatuses } from "../api/lists.ts"
import type { Controls } from "../controls.ts"

export type SandboxDescription = ReturnType<typeof describeSandbox>

/** The visible state of a sandbox, as JSON. */
export function describeSandbox({ state, settings, traffic, faults, churn, deliverer }: Controls) {
  return {
    accounts: state.accounts.map((account) => ({
      user_id: account.userId,
      account_name: account.accountName,
      login_email: account.loginEmail,
      dc: account.dc,
      disabled: account.disabled,
      tokens: account.tokens.size,
      connections: traffic.connections(account.userId),
      lists: account.lists.map((list) => ({
        id: list.id,
        name: list.name,
        webhooks: list.webhooks.length,
        counts: countStatuses(list),
      })),
    })),
    settings: {
      ...settings,
      latencyMs: describeNumber(settings.latencyMs),
      dateOffsetMs: describeNumber(settings.dateOffsetMs),
      surplusItems: describeNumber(settings.surplusItems),
    },
    requests: { total: traffic.total, by_path: traffic.counts() },
    faults: faults.list(),
    churn: { running: churn.running, made: { ...churn.made } },
    deliveries: deliverer.deliveries.length,
  }
}

function describeNumber(value: number | ((request: never) => number)): number | string {
  return typeof value === "number" ? value : "by a function"
}
