import type { Context } from "hono"
import { type Clock, startTimer, systemClock } from "../lib/time.ts"

/** Bun's server, if there is one: a test that calls the app directly has none. */
export type ServerEnv = { Bindings: { timeout?: (request: Request, seconds: number) => void } }

/** Connections without traffic for this many seconds are closed. */
export const idleTimeoutS = 120

/** The longest time-out that Bun accepts; 0 means none. */
export const longestIdleTimeoutS = 255

/** Returns what sets the idle time-out of the request's connection, which outlives the request. It does not hold the context. */
export function idleTimeoutOf<E extends ServerEnv>({ env, req }: Context<E>): (seconds: number) => void {
  const request = req.raw
  return (seconds) => env?.timeout?.(request, seconds)
}

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
