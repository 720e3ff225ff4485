import { type Clock, systemClock } from "../lib/clock.ts"

/**
 * Passes bytes on, and calls `onStall` when the consumer takes longer than `stallTimeoutMs` to ask for the next ones. A
 * generator cannot tell by itself: it rests while its consumer does not read.
 */
export async function* guardStall(
  bytes: AsyncGenerator<Uint8Array>,
  {
    stallTimeoutMs,
    onStall,
    clock = systemClock,
  }: { stallTimeoutMs: number; onStall: () => void; clock?: Clock },
): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    const timer = new AbortController()
    clock.sleep(stallTimeoutMs, timer.signal).then(onStall, () => {})
    try {
      yield chunk
    } finally {
      timer.abort()
    }
  }
}
