import type { DeliveryStore, StoredDelivery } from "../webhooks/delivery.ts"

/** The deliveries of one connection, each once. */
export type NewDeliveries = {
  /** The deliveries that were stored since the last call. None before the first rewind. */
  read(): Promise<readonly StoredDelivery[]>
  /** Reads those of this second and later ones again. */
  rewind(second: number): void
}

const atOnce = 1000

/**
 * Reads the deliveries that arrive, on this replica or another one. They are not stored in order, because replicas have
 * different clocks and write concurrently. So the last seconds are read again each time, and what was read before is dropped.
 *
 * @param deps.overlapS how many seconds later than others a delivery may be stored
 */
export function createNewDeliveries(deps: {
  readonly deliveries: Pick<DeliveryStore, "list">
  readonly connectionId: string
  readonly overlapS: number
}): NewDeliveries {
  const { deliveries, connectionId, overlapS } = deps
  /** When each delivery of the last seconds arrived, by its id. */
  const seen = new Map<string, number>()
  let since = Infinity

  return {
    read: async () => {
      if (!Number.isFinite(since)) return []
      const found: StoredDelivery[] = []
      let position: { arrivedAt: number; id?: string } = { arrivedAt: since }
      for (;;) {
        const page = await deliveries.list(connectionId, position, atOnce)
        found.push(...page)
        const last = page.at(-1)
        if (last === undefined || page.length < atOnce) break
        position = { arrivedAt: last.arrivedAt, id: last.id }
      }
      const fresh = found.filter(({ id }) => !seen.has(id))
      for (const { id, arrivedAt } of fresh) seen.set(id, arrivedAt)
      since = Math.max(since, (found.at(-1)?.arrivedAt ?? 0) - overlapS)
      for (const [id, arrivedAt] of seen) if (arrivedAt < since) seen.delete(id)
      return fresh
    },
    rewind: (second) => {
      since = Math.max(0, Math.min(since, second))
      for (const [id, arrivedAt] of seen) if (arrivedAt >= second) seen.delete(id)
    },
  }
}
