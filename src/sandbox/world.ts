import type { Clock } from "../lib/time.ts"
import { createChanges, type Changes } from "./changes.ts"
import { createChurn, type Churn } from "./churn.ts"
import { createRandom, seedFrom } from "./random.ts"
import type { AccountSeed } from "./seeds.ts"
import type { ServerClock } from "./server-clock.ts"
import type { Settings } from "./settings.ts"
import { createState, type State } from "./state.ts"
import { createDeliverer, type Deliverer } from "./webhooks/deliverer.ts"
import { createDisturbDelivery } from "./webhooks/disturb-delivery.ts"

/** What a reset builds again: the data, what changes it, and what reports the changes. */
export type World = {
  readonly state: State
  readonly changes: Changes
  readonly churn: Churn
  readonly deliverer: Deliverer
}

export type WorldOptions = {
  accounts: readonly AccountSeed[]
  seed: number
  settings: Settings
  clock: Clock
  serverClock: ServerClock
  /** The fetch that delivers webhooks. */
  send: (request: Request) => Promise<Response>
}

export function createWorld({ accounts, seed, settings, clock, serverClock, send }: WorldOptions): World {
  const random = createRandom(seedFrom(seed, "changes"))
  const state = createState(accounts, { seed, clock, visibilityDelayMs: () => settings.visibilityDelayMs })
  const deliverer = createDeliverer({
    clock,
    fetch: send,
    disturb: createDisturbDelivery(createRandom(seedFrom(seed, "deliveries")), settings),
  })
  const changes = createChanges({
    findList: state.list,
    random,
    serverTime: serverClock.now,
    now: clock.now,
    announce: deliverer.announce,
  })
  const churn = createChurn(changes, state.list, seedFrom(seed, "churn"))
  return { state, changes, churn, deliverer }
}
