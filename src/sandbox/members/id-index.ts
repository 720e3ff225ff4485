/** Finds a member's number by its id, in a few bytes per member: a map of a million strings would take 150 MB. */
export type IdIndex = {
  find(id: string): number | undefined
  /** Ids are numbered in the order of the calls, from 0. */
  add(id: string): void
}

/**
 * A hash table with open addressing. The first eight hex digits of an id are its hash, because MD5 mixes well; `idAt`
 * tells whether a candidate has the id.
 */
export function createIdIndex(idAt: (index: number) => string): IdIndex {
  /**
   * Slots hold a member's number plus one; 0 is a free slot. There are always at least twice as many slots as
   * members.
   */
  let slots = new Int32Array(1024)
  let hashes = new Int32Array(512)
  let size = 0

  const insert = (index: number) => {
    let slot = (hashes[index] ?? 0) & (slots.length - 1)
    while (slots[slot] !== 0) slot = (slot + 1) & (slots.length - 1)
    slots[slot] = index + 1
  }

  return {
    find(id) {
      const hash = hashOf(id)
      for (let slot = hash & (slots.length - 1); ; slot = (slot + 1) & (slots.length - 1)) {
        const index = (slots[slot] ?? 0) - 1
        if (index === -1) return undefined
        if (hashes[index] === hash && idAt(index) === id) return index
      }
    },
    add(id) {
      if (size === hashes.length) {
        const before = hashes
        hashes = new Int32Array(2 * size)
        hashes.set(before)
        slots = new Int32Array(4 * size)
        for (let index = 0; index < size; index++) insert(index)
      }
      hashes[size] = hashOf(id)
      insert(size++)
    },
  }
}

function hashOf(id: string): number {
  return Number.parseInt(id.slice(0, 8), 16) | 0
}
