/** Items that wait, each for a flow. Flows are served in turn, and the items of one flow in their order. */
export type FairQueue<Flow, Item> = {
  readonly size: number
  sizeOf(flow: Flow): number
  add(flow: Flow, item: Item): void
  /** Removes an item from any position. Ignores an item that is not in the queue. */
  delete(flow: Flow, item: Item): void
  /** Removes and returns the next item of the flow whose turn it is. */
  next(): Item | undefined
  [Symbol.iterator](): Iterator<Item>
}

/**
 * Serves flows in turn, each flow first come, first served: a flow with a thousand items delays a flow with a single item by
 * one item, not by a thousand. Every operation is O(1), and a flow without items leaves nothing behind.
 */
export function createFairQueue<Flow, Item>(): FairQueue<Flow, Item> {
  // A Map keeps the order of insertion: the flow whose turn it is comes first.
  const itemsByFlow = new Map<Flow, Set<Item>>()
  let size = 0

  const remove = (flow: Flow, items: Set<Item>, item: Item) => {
    if (!items.delete(item)) return
    size -= 1
    if (items.size === 0) itemsByFlow.delete(flow)
  }

  return {
    get size() {
      return size
    },
    sizeOf: (flow) => itemsByFlow.get(flow)?.size ?? 0,
    add: (flow, item) => {
      const items = itemsByFlow.get(flow) ?? new Set()
      items.add(item)
      itemsByFlow.set(flow, items)
      size += 1
    },
    delete: (flow, item) => {
      const items = itemsByFlow.get(flow)
      if (items !== undefined) remove(flow, items, item)
    },
    next: () => {
      for (const [flow, items] of itemsByFlow) {
        for (const item of items) {
          remove(flow, items, item)
          if (itemsByFlow.delete(flow)) itemsByFlow.set(flow, items)
          return item
        }
      }
      return undefined
    },
    *[Symbol.iterator]() {
      for (const items of itemsByFlow.values()) yield* items
    },
  }
}
