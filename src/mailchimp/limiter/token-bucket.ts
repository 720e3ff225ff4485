/** Limits how many requests start in a span of time. Counts, but does not wait. */
export type TokenBucket = {
  /** Takes a token, or changes nothing and returns false if there is none. */
  take(): boolean
  /** The current number of whole tokens. */
  available(): number
  isFull(): boolean
  /** Milliseconds until there is a token; 0 only if there is one now. */
  waitMs(): number
  /** From now on, other numbers. The tokens that the bucket holds stay, as far as they fit. */
  change(to: TokenBucketRate): void
}

export type TokenBucketRate = { readonly capacity: number; readonly refillPerSecond: number }

/**
 * A token bucket: in any t seconds at most `capacity + refillPerSecond * t` tokens are taken. It is full at first.
 *
 * The bucket counts whole tokens since it was last full and keeps no fractions, so rounding errors never add up.
 */
export function createTokenBucket(
  options: TokenBucketRate & { readonly monotonicMs: () => number },
): TokenBucket {
  const { monotonicMs } = options
  let { capacity } = options
  let refillMs = 1000 / options.refillPerSecond
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
    isFull: () => available() === capacity,
    take: () => {
      if (available() < 1) return false
      takenSince += 1
      return true
    },
    waitMs: () => {
      if (available() > 0) return 0
      // A rounding error must not say 0 while there is no token: requests would start until none waits.
      return Math.max(Number.MIN_VALUE, lastFullMs + (takenSince - capacity + 1) * refillMs - monotonicMs())
    },
    change: (to) => {
      const nowMs = monotonicMs()
      const held = available()
      // Without the fraction of the next token, a bucket that changes once a second would never refill.
      const fraction = ((nowMs - lastFullMs) / refillMs) % 1
      capacity = to.capacity
      refillMs = 1000 / to.refillPerSecond
      takenSince = Math.max(0, capacity - held)
      lastFullMs = takenSince === 0 ? nowMs : nowMs - fraction * refillMs
    },
  }
}
