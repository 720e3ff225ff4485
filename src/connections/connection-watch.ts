import { disconnected } from "../errors.ts"
import { type Clock, startTimer } from "../lib/time.ts"
import type { Connection, ConnectionStore } from "./connection.ts"

/** Aborts the work that uses a connection when this process or another replica deletes the connection. */
export type ConnectionWatch = {
  /**
   * A signal that aborts with `disconnected` within about a second after this stored connection is deleted. Dispose of
   * the result to stop watching.
   */
  watch(connection: Connection): Disposable & { readonly signal: AbortSignal }
  /** Call after this process has deleted the connection: the connection's signals abort at once. */
  ended(connection: Connection): void
  /** Checks now instead of within a second: another replica may have deleted a connection. */
  checkNow(): void
}

/** The database could not be read. Reported once per outage. */
export type WatchEvent = { readonly type: "connections_not_checked"; readonly error: unknown }

const checkEveryMs = 1_000

/**
 * Checks once a second, in one query, which of the connections in use still exist. No timer runs while none is watched. A
 * failed query aborts nothing: only a query that succeeds can show that a connection was deleted.
 */
export function createConnectionWatch(deps: {
  readonly connections: Pick<ConnectionStore, "existing">
  readonly clock: Clock
  readonly onEvent?: (event: WatchEvent) => void
}): ConnectionWatch {
  const { connections, clock, onEvent } = deps
  const watchedByRevision = new Map<string, Set<AbortController>>()
  let timer: Disposable | undefined
  let isChecking = false
  let isFailing = false

  /** Keyed by revision, because the owner may have replaced the connection by a new one. */
  const end = (revision: string) => {
    const watched = watchedByRevision.get(revision) ?? []
    watchedByRevision.delete(revision)
    for (const controller of watched) controller.abort(disconnected())
    schedule()
  }

  const check = async () => {
    const revisions = [...watchedByRevision.keys()]
    try {
      const existing = await connections.existing(revisions)
      isFailing = false
      for (const revision of revisions) if (!existing.has(revision)) end(revision)
    } catch (error) {
      if (!isFailing) onEvent?.({ type: "connections_not_checked", error })
      isFailing = true
    }
  }

  const onElapsed = async () => {
    timer = undefined
    isChecking = true
    await check()
    isChecking = false
    schedule()
  }

  /** Starts the timer if there is something to watch, and stops it if there is nothing. */
  const schedule = () => {
    if (watchedByRevision.size === 0) {
      timer?.[Symbol.dispose]()
      timer = undefined
    } else if (timer === undefined && !isChecking) {
      timer = startTimer(checkEveryMs, clock, () => void onElapsed())
    }
  }

  return {
    watch: ({ revision }) => {
      const controller = new AbortController()
      const watched = watchedByRevision.get(revision) ?? new Set()
      watchedByRevision.set(revision, watched.add(controller))
      schedule()
      return {
        signal: controller.signal,
        [Symbol.dispose]: () => {
          watched.delete(controller)
          if (watched.size === 0 && watchedByRevision.get(revision) === watched)
            watchedByRevision.delete(revision)
          schedule()
        },
      }
    },
    ended: ({ revision }) => end(revision),
    checkNow: () => {
      if (timer === undefined) return
      timer[Symbol.dispose]()
      void onElapsed()
    },
  }
}
