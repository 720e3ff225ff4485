import type { DeliveryStore } from "./delivery.ts"

/** The same store, which also calls `onStored` once for each connection whose deliveries were stored. */
export function announceDeliveries(
  store: DeliveryStore,
  onStored: (connectionId: string) => void,
): DeliveryStore {
  return {
    ...store,
    insert: async (deliveries) => {
      await store.insert(deliveries)
      for (const id of new Set(deliveries.map(({ connectionId }) => connectionId))) onStored(id)
    },
  }
}
