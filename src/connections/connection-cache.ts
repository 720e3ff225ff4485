import type { Clock } from "../lib/time.ts"
import { createSingleFlight } from "./single-flight.ts"

/** What was read with connections, for a while, in memory. */
export type ConnectionCache<T> = {
  /**
   * The value under the key, or else what `load` resolves to, once for all concurrent callers. A caller whose signal aborts
   * leaves the others alone. A failure is not kept.
   *
   * @param refresh loads it anew, whatever is kept
   */
  read(
    connectionId: string,
    key: string,
    load: (signal: AbortSignal) => Promise<T>,
    options: { readonly signal: AbortSignal; readonly refresh?: boolean },
  ): Promise<{ readonly value: T; readonly ageS: number }>
  /** Forgets everything of a connection, also what is being loaded. */
  drop(connectionId: string): void
}

type Entry<T> = {
  readonly load: (signal: AbortSignal) => Promise<T>
  kept?: { readonly value: T; readonly atMs: number }
}

/** @param keepMs how long a value is kept; concurrent callers share a load even if it is 0 */
export function createConnectionCache<T>({
  keepMs,
  clock,
}: {
  readonly keepMs: number
  readonly clock: Pick<Clock, "monotonicMs">
}): ConnectionCache<T> {
  const byConnection = new Map<string, Map<string, Entry<T>>>()
  let purgedMs = clock.monotonicMs()

  const isOld = ({ kept }: Entry<T>) => kept !== undefined && clock.monotonicMs() - kept.atMs >= keepMs

  /** Otherwise a connection that is never read again would stay in memory. */
  const purgeIfDue = () => {
    if (clock.monotonicMs() - purgedMs < keepMs) return
    purgedMs = clock.monotonicMs()
    for (const [connectionId, entries] of byConnection) {
      for (const [key, entry] of entries) if (isOld(entry)) entries.delete(key)
      if (entries.size === 0) byConnection.delete(connectionId)
    }
  }

  const entryOf = (connectionId: string, key: string, load: Entry<T>["load"], refresh: boolean) => {
    const entries = byConnection.get(connectionId) ?? new Map<string, Entry<T>>()
    byConnection.set(connectionId, entries)
    const found = entries.get(key)
    if (found !== undefined && !refresh && !isOld(found)) return found
    const entry: Entry<T> = { load: createSingleFlight(load) }
    entries.set(key, entry)
    return entry
  }

  const forget = (connectionId: string, key: string, entry: Entry<T>) => {
    const entries = byConnection.get(connectionId)
    if (entries?.get(key) === entry) entries.delete(key)
  }

  return {
    read: async (connectionId, key, load, { signal, refresh = false }) => {
      purgeIfDue()
      const entry = entryOf(connectionId, key, load, refresh)
      if (entry.kept === undefined) {
        const value = await entry.load(signal).catch((error: unknown) => {
          if (!signal.aborted) forget(connectionId, key, entry)
          throw error
        })
        entry.kept ??= { value, atMs: clock.monotonicMs() }
      }
      const { value, atMs } = entry.kept
      return { value, ageS: (clock.monotonicMs() - atMs) / 1000 }
    },
    drop: (connectionId) => void byConnection.delete(connectionId),
  }
}
