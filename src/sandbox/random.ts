/** A repeatable random source: the same seed gives the same numbers, on every machine. */
export type Random = {
  /** From 0 up to, but not including, 1. */
  next(): number
  /** A whole number from 0 up to, but not including, `below`. */
  integer(below: number): number
  /** True in this share of the calls. */
  chance(share: number): boolean
  /** One of the choices; throws if there is none. */
  pick<T>(choices: readonly T[]): T
}

/** The splitmix32 generator: small, fast and good enough for data that only has to look real. */
export function createRandom(seed: number): Random {
  let state = seed | 0
  const next = () => {
    state = (state + 0x9e3779b9) | 0
    let mixed = state ^ (state >>> 16)
    mixed = Math.imul(mixed, 0x21f0aaad)
    mixed ^= mixed >>> 15
    mixed = Math.imul(mixed, 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 4294967296
  }
  const integer = (below: number) => Math.floor(next() * below)
  return {
    next,
    integer,
    chance: (share) => next() < share,
    pick: (choices) => {
      const choice = choices[integer(choices.length)]
      if (choice === undefined) throw new RangeError("Cannot pick because there are no choices")
      return choice
    },
  }
}

/** A number for a text, so that each list and account has its own random numbers under one seed (FNV-1a). */
export function seedFrom(seed: number, text: string): number {
  let hash = (seed ^ 0x811c9dc5) | 0
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return hash
}
