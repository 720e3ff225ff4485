import type { Account } from "../connections/open-account.ts"
import type { Clock } from "../lib/time.ts"
import type { Subscriptions } from "../webhooks/subscribe.ts"
import type { FollowEvent } from "./follow-event.ts"

const everyMs = 3_600_000
const patienceMs = 30_000

/**
 * Returns a function that makes webhooks again that somebody deleted or that Mailchimp disabled, of the lists that should
 * have one. Looks once an hour for each connection. If it fails, polls find the changes, and it looks again in an hour. It
 * never rejects.
 */
export function createKeepWebhooks(deps: {
  readonly subscriptions: Pick<Subscriptions, "subscribe" | "subscribed">
  readonly clock: Pick<Clock, "monotonicMs">
  readonly onEvent: (event: FollowEvent) => void
}): (account: Account, listIds: readonly string[], signal: AbortSignal) => Promise<void> {
  const { subscriptions, clock, onEvent } = deps
  const keptAtMs = new Map<string, number>()

  return async (account, listIds, signal) => {
    const { id: connectionId } = account.connection
    const nowMs = clock.monotonicMs()
    if (nowMs - (keptAtMs.get(connectionId) ?? -Infinity) < everyMs) return
    for (const [id, atMs] of keptAtMs) if (nowMs - atMs >= everyMs) keptAtMs.delete(id)
    keptAtMs.set(connectionId, nowMs)
    try {
      const subscribed = await subscriptions.subscribed(connectionId)
      for (const listId of listIds.filter((id) => subscribed.has(id)))
        await subscriptions.subscribe(account, listId, { signal, deadlineMs: patienceMs })
    } catch (error) {
      if (signal.aborted) return
      onEvent({ type: "follow_degraded", connectionId, error })
    }
  }
}
