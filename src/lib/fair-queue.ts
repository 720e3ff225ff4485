/** Items that wait, each for a party. Parties are served in turn, the items of one party in their order. */
export type FairQueue<Party, Item> = {
  readonly size: number
  sizeOf(party: Party): number
  add(party: Party, item: Item): void
  /** Takes an item out, wherever it stands. An item that is not there is ignored. */
  delete(party: Party, item: Item): void
  /** Takes the next item, of the party whose turn it is. */
  next(): Item | undefined
  [Symbol.iterator](): Iterator<Item>
}

/**
 * First come, first served per party, in turn: a party with a thousand items delays one with a single item by one
 * item, not by a thousand. Every operation is O(1), and a party without items leaves nothing behind.
 */
export function createFairQueue<Party, Item>(): FairQueue<Party, Item> {
  // A Map keeps the order of insertion: the party whose turn it is stands first.
  const itemsByParty = new Map<Party, Set<Item>>()
  let size = 0

  const remove = (party: Party, items: Set<Item>, item: Item) => {
    if (!items.delete(item)) return
    size -= 1
    if (items.size === 0) itemsByParty.delete(party)
  }

  return {
    get size() {
      return size
    },
    sizeOf: (party) => itemsByParty.get(party)?.size ?? 0,
    add: (party, item) => {
      const items = itemsByParty.get(party) ?? new Set()
      items.add(item)
      itemsByParty.set(party, items)
      size += 1
    },
    delete: (party, item) => {
      const items = itemsByParty.get(party)
      if (items !== undefined) remove(party, items, item)
    },
    next: () => {
      for (const [party, items] of itemsByParty) {
        for (const item of items) {
          remove(party, items, item)
          if (itemsByParty.delete(party)) itemsByParty.set(party, items)
          return item
        }
      }
      return undefined
    },
    *[Symbol.iterator]() {
      for (const items of itemsByParty.values()) yield* items
    },
  }
}
