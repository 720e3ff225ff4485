import { type Clock, startTimer } from "../lib/time.ts"
import { createSingleFlight } from "./single-flight.ts"
import { InvalidToken } from "../mailchimp/errors.ts"
import type { Standing } from "../mailchimp/standing.ts"
import type { Connection, ConnectionMetadata } from "./connection.ts"

/** How long a metadata result is reused, however many requests receive a 401 in that time. */
const reusedForMs = 5_000

/** A user counts as disabled only after at least this many responses over at least this long. */
const disabledResponses = 3
const disabledForMs = 10_000

/** Responses further apart than this do not confirm each other. */
const forgottenAfterMs = 60_000
const purgeEveryMs = 15_000

/** What is known about one connection, shared by all flows in this process that use it. */
type Entry = {
  readonly readMetadata: (signal: AbortSignal) => Promise<ConnectionMetadata>
  usedMs: number
  located?: { readonly outcome: string | InvalidToken; readonly untilMs: number }
  disabled?: { readonly sinceMs: number; readonly lastMs: number; readonly responses: number }
}

/**
 * Judges connections by more than a single response. All requests on a connection share one entry: however many fail
 * together, the metadata endpoint is read once, and their responses together confirm that a user is disabled.
 */
export function createStandings(deps: {
  /** Makes one request. */
  readonly readMetadata: (accessToken: string, signal: AbortSignal) => Promise<ConnectionMetadata>
  /** Stores the metadata of an account that has moved to another data center. */
  readonly onMoved: (connection: Connection, metadata: ConnectionMetadata) => Promise<void>
  /** Stores that a connection's token was revoked, or its user disabled. */
  readonly onInvalidated: (connection: Connection) => Promise<void>
  readonly clock: Clock
}): (connection: Connection) => Standing {
  const { clock } = deps
  const entryByRevision = new Map<string, Entry>()

  let timer: Disposable | undefined

  /** Also while nothing happens, because an entry holds a token, and its connection may have been deleted. */
  const purge = () => {
    const nowMs = clock.monotonicMs()
    for (const [revision, { usedMs }] of entryByRevision)
      if (nowMs - usedMs > forgottenAfterMs) entryByRevision.delete(revision)
    timer?.[Symbol.dispose]()
    timer = entryByRevision.size > 0 ? startTimer(purgeEveryMs, clock, purge) : undefined
  }

  const entryOf = (connection: Connection): Entry => {
    purge()
    timer ??= startTimer(purgeEveryMs, clock, purge)
    const nowMs = clock.monotonicMs()
    const entry = entryByRevision.get(connection.revision) ?? createEntry(connection)
    entry.usedMs = nowMs
    entryByRevision.set(connection.revision, entry)
    return entry
  }

  const createEntry = (connection: Connection): Entry => {
    let storedDc = connection.metadata.dc
    return {
      usedMs: clock.monotonicMs(),
      readMetadata: createSingleFlight(async (signal) => {
        const metadata = await deps.readMetadata(connection.accessToken, signal)
        if (metadata.dc === storedDc) return metadata
        storedDc = metadata.dc
        // Fields that this response leaves out, such as the user id, keep their stored values.
        await deps.onMoved(connection, { ...connection.metadata, ...metadata })
        return metadata
      }),
    }
  }

  return (connection) => ({
    locate: async (signal) => {
      const entry = entryOf(connection)
      if (entry.located === undefined || clock.monotonicMs() >= entry.located.untilMs) {
        const outcome = await entry.readMetadata(signal).then(({ dc }) => dc, toInvalidToken)
        entry.located = { outcome, untilMs: clock.monotonicMs() + reusedForMs }
      }
      const { outcome } = entry.located
      if (outcome instanceof InvalidToken) throw outcome
      return outcome
    },

    recordDisabled: () => {
      const entry = entryOf(connection)
      const nowMs = clock.monotonicMs()
      const { disabled } = entry
      const isRecent = disabled !== undefined && nowMs - disabled.lastMs <= forgottenAfterMs
      const sinceMs = isRecent ? disabled.sinceMs : nowMs
      const responses = (isRecent ? disabled.responses : 0) + 1
      entry.disabled = { sinceMs, lastMs: nowMs, responses }
      return responses >= disabledResponses && nowMs - sinceMs >= disabledForMs
    },

    responded: () => {
      const entry = entryByRevision.get(connection.revision)
      if (entry !== undefined) delete entry.disabled
    },

    invalidated: () => deps.onInvalidated(connection),
  })
}

/** Rethrows any other failure, which says nothing about the token and is not kept. */
function toInvalidToken(error: unknown): InvalidToken {
  if (error instanceof InvalidToken) return error
  throw error
}
