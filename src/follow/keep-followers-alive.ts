import { createNdjson } from "../exports/formats/ndjson.ts"
import { keepAliveMs } from "../exports/keep-alive.ts"
import type { Clock } from "../lib/time.ts"
import type { Backlog } from "./backlog.ts"

/**
 * Writes something every ten seconds, also while a pass takes long, until the signal aborts: then it rejects. Once for all
 * followers of a tail, because a follower that waits for a timer as well takes half as much memory again.
 */
export async function keepFollowersAlive(
  backlog: Pick<Backlog, "push">,
  clock: Clock,
  signal: AbortSignal,
): Promise<never> {
  const { keepAlive } = createNdjson()
  for (;;) {
    await clock.sleep(keepAliveMs, signal)
    backlog.push({ bytes: keepAlive() })
  }
}
