import type { Faults } from "./faults/faults.ts"
import type { Settings } from "./settings.ts"
import type { Traffic } from "./traffic.ts"
import { createTruth, type Truth } from "./truth.ts"
import type { World } from "./world.ts"

/**
 * How a running sandbox is observed and changed, from its own process or through the admin routes. The parts of the
 * world are new objects after each reset.
 */
export type Controls = World & {
  /** The settings that may change while the sandbox runs. */
  readonly settings: Settings
  readonly faults: Faults
  readonly traffic: Traffic
  truth(listId: string): Truth
  /** Revokes all tokens of an account, as when the app is removed in Mailchimp: 401 from now on. */
  revoke(userId: number): void
  /** Disables or enables a user: 403 "User Disabled". */
  setDisabled(userId: number, disabled: boolean): void
  /** Moves an account to another data center: the old one refuses it, and the metadata name the new one. */
  move(userId: number, dc: string): void
  /** Restores the seed: members, tokens, settings, faults, churn, counts. */
  reset(): void
}

export type ControlsOptions = {
  buildWorld: () => World
  settings: Settings
  faults: Faults
  traffic: Traffic
}

export function createControls({ buildWorld, settings, faults, traffic }: ControlsOptions): Controls {
  const initialSettings = { ...settings }
  let world = buildWorld()
  return {
    settings,
    get state() {
      return world.state
    },
    get changes() {
      return world.changes
    },
    get churn() {
      return world.churn
    },
    get deliverer() {
      return world.deliverer
    },
    faults,
    traffic,
    truth: (listId) => createTruth(world.state.list(listId).table),
    revoke: (userId) => world.state.account(userId).tokens.clear(),
    setDisabled(userId, disabled) {
      world.state.account(userId).disabled = disabled
    },
    move(userId, dc) {
      world.state.account(userId).dc = dc
    },
    reset() {
      world.deliverer.stop()
      Object.assign(settings, initialSettings)
      faults.clear()
      traffic.reset()
      world = buildWorld()
    },
  }
}
