import type { Clock } from "./clock.ts"
import { startTimer } from "./start-timer.ts"

/** The value of a promise if it settles within `ms`, otherwise undefined. The promise is not aborted; no timer is left. */
export async function within<T>(promise: Promise<T>, ms: number, clock: Clock): Promise<T | undefined> {
  const { promise: elapsed, resolve } = Promise.withResolvers<undefined>()
  using _timer = startTimer(ms, clock, () => resolve(undefined))
  return await Promise.race([promise, elapsed])
}
