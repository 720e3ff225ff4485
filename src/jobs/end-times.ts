import type { Clock } from "../lib/time.ts"
import type { EndTimes } from "./job.ts"

/** The times of a job that ends now. */
export function endTimes(clock: Pick<Clock, "now">, retentionMs: number): EndTimes {
  const nowMs = clock.now()
  return { endedAt: new Date(nowMs), expiresAt: new Date(nowMs + retentionMs) }
}
