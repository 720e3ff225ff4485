import type { Changes } from "./changes.ts"
import type { Churn } from "./churn.ts"
import type { Faults } from "./faults.ts"
import type { Settings } from "./settings.ts"
import type { State } from "./state.ts"
import type { Traffic } from "./traffic.ts"
import type { Truth } from "./truth.ts"
import type { Deliverer } from "./webhooks/deliverer.ts"

/** How a running sandbox is observed and changed, from its own process or through the admin routes. */
export type Controls = {
  /** The settings that may change while the sandbox runs. */
  readonly settings: Settings
  /** Accounts, lists and tokens as they are now; a new object after each reset. */
  readonly state: State
  readonly changes: Changes
  readonly churn: Churn
  readonly faults: Faults
  readonly traffic: Traffic
  readonly deliverer: Deliverer
  truth(listId: string): Truth
  /**
   * Revokes a token, as when the app is removed in Mailchimp: 401 from now on. Without a token, revokes all of the
   * account.
   */
  revoke(userId: number, token?: string): void
  /** Disables or enables a user: 403 "User Disabled". */
  setDisabled(userId: number, disabled: boolean): void
  /** Moves an account to another data center: the old one refuses it, and the metadata name the new one. */
  move(userId: number, dc: string): void
  /** Restores the seed: members, tokens, settings, faults, churn, counts. */
  reset(): void
}
