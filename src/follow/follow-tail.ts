import { breakDelayMs } from "../exports/break-delay.ts"
import { createNdjson } from "../exports/formats/ndjson.ts"
import { createKeepAlive } from "../exports/keep-alive.ts"
import type { Clock } from "../lib/time.ts"
import { behind } from "./backlog.ts"
import { failed } from "./lines.ts"
import type { Followed } from "./followed.ts"
import type { Tails } from "./tails.ts"

/** One for all followers: what they share consists of whole lines, so none of them has an open line. */
const { line, keepAlive } = createNdjson()

/**
 * Yields what follows a cursor, and something every ten seconds. Returns the cursor of what was received when the tail is too
 * fast for this follower. If the tail fails or `until` aborts, it ends with an error line and throws.
 */
export async function* followTail(request: {
  readonly tails: Tails
  readonly followed: Followed
  readonly cursor: string
  /** Aborts when the follower has to end. */
  readonly until: AbortSignal
  /** Aborts when the consumer has left. */
  readonly signal: AbortSignal
  readonly onCaughtUp: () => void
  readonly clock: Clock
}): AsyncGenerator<Uint8Array, string> {
  const { tails, followed, until, signal, onCaughtUp, clock } = request
  let { cursor } = request
  try {
    const reader = yield* createKeepAlive(clock).wait(tails.join(followed, cursor, until), keepAlive)
    try {
      // From now on the tail keeps the connection alive, but it may do so ten seconds from now.
      yield keepAlive()
      for (;;) {
        const item = await reader.next()
        if (item === behind) return cursor
        yield item.bytes
        if (item.cursor === undefined) continue
        cursor = item.cursor
        onCaughtUp()
      }
    } finally {
      reader.leave()
    }
  } catch (error) {
    if (signal.aborted) throw error
    yield line(failed(error, cursor))
    await clock.sleep(breakDelayMs, signal)
    throw error
  }
}
