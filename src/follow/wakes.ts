import { AppError } from "../errors.ts"
import type { Second } from "../scan/source.ts"
import type { DeliveryStore, StoredDelivery } from "../webhooks/delivery.ts"
import type { FollowEvent } from "./follow-event.ts"
import type { Hints } from "./hints.ts"
import { createNewDeliveries } from "./new-deliveries.ts"

/** What the deliveries of a connection ask for: lists to read, and members to request. */
export type Wakes = {
  /** Somebody joins who has received what was delivered up to this second. */
  rewind(horizon: Second): void
  /** Takes the new deliveries, as many as can be read while the database works. `watermark` is that of this moment. */
  read(watermark: Second): Promise<void>
  wake(listId: string): void
  /** The lists that are to be read, each once. */
  take(): { readonly listIds: readonly string[]; readonly arrivedAt: Second | undefined }
  /** Deliveries up to this second need not be read again: all that they ask for was done. */
  doneUpTo(): Second
}

/** How much later than it arrived a delivery may be stored and still be answered with 200: a database has four seconds. */
const longestWriteS = 5

export function createWakes(deps: {
  readonly deliveries: Pick<DeliveryStore, "list">
  readonly connectionId: string
  readonly isFollowed: (listId: string) => boolean
  readonly hints: Pick<Hints, "add" | "arrivedAt">
  readonly marginS: number
  readonly onEvent: (event: FollowEvent) => void
}): Wakes {
  const { connectionId, hints, isFollowed, marginS, onEvent } = deps
  // Two margins, because the clocks of two replicas may each be wrong by one.
  const overlapS = 2 * marginS + longestWriteS
  const deliveries = createNewDeliveries({ ...deps, overlapS })
  let woken = new Set<string>()
  let arrivedAt: Second | undefined
  let readUpTo = Infinity
  let isFailing = false

  const heed = (delivery: StoredDelivery) => {
    if (!isFollowed(delivery.listId)) return
    woken.add(delivery.listId)
    arrivedAt = Math.min(arrivedAt ?? Infinity, delivery.arrivedAt)
    hints.add(delivery)
  }

  return {
    rewind: (horizon) => {
      readUpTo = Math.min(readUpTo, horizon)
      deliveries.rewind(horizon - overlapS)
    },

    read: async (watermark) => {
      try {
        for await (const page of deliveries.read()) page.forEach(heed)
        readUpTo = watermark
        isFailing = false
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== "database_unavailable") throw error
        if (!isFailing) onEvent({ type: "follow_degraded", connectionId, error })
        isFailing = true
      }
    },

    wake: (listId) => void woken.add(listId),

    take: () => {
      const taken = { listIds: [...woken], arrivedAt }
      woken = new Set()
      arrivedAt = undefined
      return taken
    },

    doneUpTo: () => Math.min(readUpTo, hints.arrivedAt()),
  }
}
