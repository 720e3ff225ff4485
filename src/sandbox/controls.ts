import type { Changes } from "./changes.ts"
import type { Churn } from "./churn.ts"
import type { Faults } from "./faults.ts"
import type { Settings } from "./settings.ts"
import type { State } from "./state.ts"
import type { Traffic } from "./traffic.ts"
import type { Truth } from "./truth.ts"
import type { Deliverer } from "./webhooks/deliverer.ts"

/** What a running sandbox is watched and changed by, from its own process or through the admin routes. */
export type Controls = {
  /** What may be changed while it runs. */
  readonly settings: Settings
  /** Accounts, lists and tokens as they are now; another object after each reset. */
  readonly state: State
  readonly changes: Changes
  readonly churn: Churn
  readonly faults: Faults
  readonly traffic: Traffic
  readonly deliverer: Deliverer
  truth(listId: string): Truth
  /** Ends a token, as when the app is removed in Mailchimp: 401 from now on. Without one, all of the account. */
  revoke(userId: number, token?: string): void
  /** Disables or enables a user: 403 "User Disabled". */
  setDisabled(userId: number, disabled: boolean): void
  /** Moves an account to another data center: the old one refuses it, the metadata name the new one. */
  move(userId: number, dc: string): void
  /** Back to the seed: members, tokens, settings, faults, churn, counts. */
  reset(): void
}
