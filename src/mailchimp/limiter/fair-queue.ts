/** Items that wait, each for a party. Parties are served in turn, the items of one party in their order. */
export type FairQueue<Flow, Item> = {
  readonly size: number
  sizeOf(flow: Flow): number
  add(flow: Flow, item: Item): void
  /** Takes an item out, wherever it stands. An item that is not there is ignored. */
  delete(flow: Flow, item: Item): void
  /** Takes the next item, of the party whose turn it is. */
  next(): Item | undefined
  [Symbol.iterator](): Iterator<Item>
}

/**
 * First come, first served per party, in turn: a party with a thousand items delays one with a single item by one
 * item, not by a thousand. Every operation is O(1), and a party without items leaves nothing behind.
 */
export function createFairQueue<Flow, Item>(): FairQueue<Flow, Item> {
  // A Map keeps the order of insertion: the party whose turn it is stands first.
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
