import type { Clock } from "../lib/time.ts"

/** A request as the sandbox received it. */
export type RequestEntry = {
  readonly method: string
  readonly path: string
  readonly query: string
  /** When it arrived, in ms of the sandbox's clock. */
  readonly at: number
  userId: number | undefined
  listId: string | undefined
  /** Undefined if the client disconnected before there was a response. */
  status: number | undefined
  /** The fault that was played, by its action's kind. */
  fault: string | undefined
  /** When its response was made, or had been streamed to the end. */
  endedAt: number | undefined
  /** When the client disconnected before that. */
  abortedAt: number | undefined
}

/** The requests that the sandbox received, and how many of them were concurrent. */
export type Traffic = {
  /** The newest requests, at most `LOG_LENGTH`, oldest first. */
  readonly log: readonly RequestEntry[]
  /** All requests since the start or the last reset. */
  readonly total: number
  /** The connections of an account that are held now, and the highest number ever held. */
  connections(userId: number): { now: number; peak: number }
  /** The number of requests per path, without the ids of lists and members. */
  counts(): Record<string, number>
  record(request: Request): RequestEntry
  /** Takes a connection, or returns undefined if the account has none left. */
  hold(userId: number, max: number): Disposable | undefined
  reset(): void
}

const LOG_LENGTH = 20_000

export function createTraffic(clock: Clock): Traffic {
  const log: RequestEntry[] = []
  const openConnections = new Map<number, { now: number; peak: number }>()
  const counts = new Map<string, number>()
  let total = 0

  const connections = (userId: number) => {
    const known = openConnections.get(userId) ?? { now: 0, peak: 0 }
    openConnections.set(userId, known)
    return known
  }

  return {
    log,
    get total() {
      return total
    },
    connections: (userId) => ({ ...connections(userId) }),
    counts: () => Object.fromEntries(counts),
    record(request) {
      const url = new URL(request.url)
      const entry: RequestEntry = {
        method: request.method,
        path: url.pathname,
        query: url.search,
        at: clock.now(),
        userId: undefined,
        listId: /\/lists\/([^/]+)/.exec(url.pathname)?.[1],
        status: undefined,
        fault: undefined,
        endedAt: undefined,
        abortedAt: undefined,
      }
      total++
      const pattern = `${request.method} ${url.pathname.replaceAll(/\/[0-9a-f]{10}(?=\/|$)|\/[0-9a-f]{32}(?=\/|$)/g, "/:id")}`
      counts.set(pattern, (counts.get(pattern) ?? 0) + 1)
      log.push(entry)
      if (log.length > LOG_LENGTH) log.splice(0, LOG_LENGTH / 10)
      return entry
    },
    hold(userId, max) {
      const count = connections(userId)
      if (count.now >= max) return undefined
      count.now++
      count.peak = Math.max(count.peak, count.now)
      let released = false
      return {
        [Symbol.dispose]() {
          if (!released) count.now--
          released = true
        },
      }
    },
    reset() {
      log.length = 0
      total = 0
      counts.clear()
      for (const count of openConnections.values()) count.peak = count.now
    },
  }
}
