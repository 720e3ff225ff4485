import { AppError } from "../errors.ts"
import type { Clock } from "../lib/time.ts"
import type { FollowedLists } from "./followed-lists.ts"

/** Lists are rarely made or deleted. */
const refreshEveryMs = 300_000

/**
 * Returns a function that looks for new and deleted lists, every five minutes or if `isUrgent`. It resolves to the lists that
 * are gone. If Mailchimp fails, it looks again the next time.
 *
 * @param deps.readIds reads the ids of all lists; undefined if the lists were selected by their ids
 */
export function createRefreshLists(deps: {
  readonly readIds: (() => Promise<readonly string[]>) | undefined
  readonly lists: Pick<FollowedLists, "ids" | "has" | "add" | "remove">
  readonly clock: Pick<Clock, "monotonicMs">
}): (isUrgent: boolean) => Promise<readonly string[]> {
  const { readIds, lists, clock } = deps
  let refreshedMs = clock.monotonicMs()

  return async (isUrgent) => {
    const nowMs = clock.monotonicMs()
    if (readIds === undefined || (!isUrgent && nowMs - refreshedMs < refreshEveryMs)) return []
    refreshedMs = nowMs
    const existing = await readIds().catch((error: unknown) => {
      if (error instanceof AppError && error.retryable) return undefined
      throw error
    })
    if (existing === undefined) return []
    for (const id of existing) if (!lists.has(id)) lists.add(id)
    const gone = lists.ids().filter((id) => !existing.includes(id))
    for (const id of gone) lists.remove(id)
    return gone
  }
}
