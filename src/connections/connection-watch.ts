import { AppError } from "../errors.ts"
import type { Clock } from "../lib/clock.ts"
import { startTimer } from "../lib/start-timer.ts"
import type { Connection, ConnectionStore } from "./connection.ts"

/** Tells the work that uses a connection when the connection is deleted, by this process or by another replica. */
export type ConnectionWatch = {
  /**
   * A signal that aborts with `disconnected` once that very stored connection is gone, about a second later at most. It
   * is watched until it is disposed of.
   */
  watch(connection: Connection): Disposable & { readonly signal: AbortSignal }
  /** This process has deleted the connection: its signals abort at once. */
  ended(connection: Connection): void
}

/** The database could not be read. Reported once, until it can be read again. */
export type WatchEvent = { readonly type: "connections_not_checked"; readonly error: unknown }

const lookEveryMs = 1_000

/**
 * Looks once a second, in one query, which of the connections in use still exist. Without any there is no timer. A
 * database that does not answer ends nothing: only its answer does.
 */
export function createConnectionWatch(deps: {
  readonly connections: Pick<ConnectionStore, "existing">
  readonly clock: Clock
  readonly onEvent?: (event: WatchEvent) => void
}): ConnectionWatch {
  const { connections, clock, onEvent } = deps
  const watchedByRevision = new Map<string, Set<AbortController>>()
  let timer: Disposable | undefined
  let isLooking = false
  let isAway = false

  /** By revision: a connection of the same owner that replaced another one is another connection. */
  const end = (revision: string) => {
    const watched = watchedByRevision.get(revision) ?? []
    watchedByRevision.delete(revision)
    for (const controller of watched) controller.abort(disconnected())
    schedule()
  }

  const look = async () => {
    const revisions = [...watchedByRevision.keys()]
    try {
      const existing = await connections.existing(revisions)
      isAway = false
      for (const revision of revisions) if (!existing.has(revision)) end(revision)
    } catch (error) {
      if (!isAway) onEvent?.({ type: "connections_not_checked", error })
      isAway = true
    }
  }

  const onElapsed = async () => {
    timer = undefined
    isLooking = true
    await look()
    isLooking = false
    schedule()
  }

  /** Starts the timer if there is something to watch, and stops it if there is nothing. */
  const schedule = () => {
    if (watchedByRevision.size === 0) {
      timer?.[Symbol.dispose]()
      timer = undefined
    } else if (timer === undefined && !isLooking) {
      timer = startTimer(lookEveryMs, clock, () => void onElapsed())
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
  }
}

function disconnected(): AppError {
  return new AppError(
    "disconnected",
    "Cannot go on as the connection was deleted meanwhile: connect the account again, by /auth/login",
  )
}
