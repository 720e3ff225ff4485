import type { Clock } from "./clock.ts"

/** The value of a promise if it settles within `ms`, else undefined. The promise goes on all the same; no timer is left. */
export async function within<T>(promise: Promise<T>, ms: number, clock: Clock): Promise<T | undefined> {
  const timer = new AbortController()
  const timedOut = clock.sleep(ms, timer.signal).then(
    () => undefined,
    () => undefined,
  )
  try {
    return await Promise.race([promise, timedOut])
  } finally {
    timer.abort()
  }
}
