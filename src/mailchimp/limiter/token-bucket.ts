/** Limits how many requests start in a span of time. Counts, but does not wait. */
export type TokenBucket = {
  /** Takes a token, or changes nothing and returns false if there is none. */
  take(): boolean
  /** The current number of whole tokens. */
  available(): number
  /** Milliseconds until there is a token; 0 if there is one now. */
  waitMs(): number
}

/**
 * A token bucket: in any t seconds at most `capacity + refillPerSecond * t` tokens are taken. It is full at first.
 *
 * The bucket counts whole tokens since it was last full and keeps no fractions, so rounding errors never add up.
 */
export function createTokenBucket(options: {
  readonly capacity: number
  readonly refillPerSecond: number
  readonly monotonicMs: () => number
}): TokenBucket {
  const { capacity, refillPerSecond, monotonicMs } = options
  const refillMs = 1000 / refillPerSecond
  let lastFullMs = monotonicMs()
  let takenSince = 0

  const available = () => {
    const nowMs = monotonicMs()
    const missing = takenSince - Math.floor((nowMs - lastFullMs) / refillMs)
    if (missing > 0) return capacity - missing
    lastFullMs = nowMs
    takenSince = 0
    return capacity
  }

  return {
    available,
    take: () => {
      if (available() < 1) return false
      takenSince += 1
      return true
    },
    waitMs: () => {
      if (available() > 0) return 0
      return Math.max(0, lastFullMs + (takenSince - capacity + 1) * refillMs - monotonicMs())
    },
  }
}
