import type { DeliveryPosition, DeliveryStore, StoredDelivery } from "../webhooks/delivery.ts"

/** The deliveries of one connection, each once. */
export type NewDeliveries = {
  /**
   * Yields the deliveries that were stored since the last call, a page at a time. None before the first rewind. If it throws,
   * the next call begins after the last page that was yielded.
   */
  read(): AsyncGenerator<readonly StoredDelivery[], void>
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
    read: async function* () {
      if (!Number.isFinite(since)) return
      let position: DeliveryPosition = { arrivedAt: since }
      for (;;) {
        const page = await deliveries.list(connectionId, position, atOnce)
        const last = page.at(-1)
        if (last === undefined) return
        const fresh = page.filter(({ id }) => !seen.has(id))
        for (const { id, arrivedAt } of fresh) seen.set(id, arrivedAt)
        since = Math.max(since, last.arrivedAt - overlapS)
        for (const [id, arrivedAt] of seen) if (arrivedAt < since) seen.delete(id)
        yield fresh
        if (page.length < atOnce) return
        position = { arrivedAt: last.arrivedAt, id: last.id }
      }
    },
    rewind: (second) => {
      since = Math.max(0, Math.min(since, second))
      for (const [id, arrivedAt] of seen) if (arrivedAt >= second) seen.delete(id)
    },
  }
}
