import { type Clock, startTimer, systemClock } from "../lib/time.ts"

/**
 * Passes bytes on, and calls `onStall` when the consumer takes longer than `stallTimeoutMs` to request the next chunk. A
 * generator cannot notice that itself, because it is suspended while its consumer does not read.
 */
export async function* guardStall(
  bytes: AsyncGenerator<Uint8Array>,
  options: {
    readonly stallTimeoutMs: number
    readonly onStall: () => void
    /** Called when no more bytes follow, for whatever reason. */
    readonly onEnd: () => void
    readonly clock?: Clock
  },
): AsyncGenerator<Uint8Array> {
  const { stallTimeoutMs, onStall, onEnd, clock = systemClock } = options
  try {
    for await (const chunk of bytes) {
      using _timer = startTimer(stallTimeoutMs, clock, onStall)
      yield chunk
    }
  } finally {
    onEnd()
  }
}
