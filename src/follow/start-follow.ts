import type { OpenAccount } from "../connections/open-account.ts"
import type { Owner } from "../connections/connection.ts"
import { AppError } from "../errors.ts"
import { createSealedCursors } from "../exports/cursor/sealed-cursor.ts"
import { selectionId } from "../exports/selection.ts"
import type { StartExport } from "../exports/start-export.ts"
import { anySignal, type Clock, startTimer } from "../lib/time.ts"
import type { Sealer } from "../sealer.ts"
import { createEndCursor } from "./end-cursor.ts"
import type { FollowEvent } from "./follow-event.ts"
import type { Followed } from "./followed.ts"
import { followTail } from "./follow-tail.ts"
import { inTurns } from "./in-turns.ts"
import { createRewindDeliveries } from "./rewind-deliveries.ts"
import type { Tails } from "./tails.ts"

type ExportRequest = Parameters<StartExport>[0] & { readonly eventsId: string }

type FollowRequest = ExportRequest & {
  readonly owner: Owner
  /** When the caller's token expires, in seconds since the epoch. */
  readonly expiresAt: number
  /** Called each time that the follower has caught up. */
  readonly onCaughtUp: () => void
  /** Called when the generator ends, however it ends, or when the consumer has left before it began. */
  readonly onEnd: () => void
}

/** An export of a follower. What follows begins at its end, with the deliveries since `from`. */
type Begun = {
  readonly bytes: AsyncGenerator<Uint8Array>
  /** The cursor from which it continues, if that is the cursor of an end. */
  readonly from: string | undefined
  readonly endCursor: () => string
}

/** What a follower keeps for as long as it stays. */
type Following = Pick<FollowRequest, "expiresAt" | "onCaughtUp" | "onEnd"> & {
  readonly exportRequest: Omit<ExportRequest, "account">
  readonly followed: Followed
  /** Taken out when it has ended, because it holds a page and the account, and a follower stays for days. */
  begun: Begun | undefined
}

/**
 * Resolves to the bytes of an export that does not end: what changes follows. As with an export, it rejects if the first page
 * cannot be read, and the caller must read the bytes or abort the signal.
 */
export type StartFollow = (request: FollowRequest) => Promise<AsyncGenerator<Uint8Array>>

/** The longest time that a timer can wait: 24 days. */
const longestMs = 2 ** 31 - 1

export function createStartFollow(deps: {
  readonly startExport: StartExport
  readonly openAccount: OpenAccount
  readonly tails: Tails
  readonly sealer: Sealer
  /** How long deliveries are kept: an older cursor cannot be followed, because deletions would be missing. */
  readonly retentionS: number
  /** Aborts with an error as its reason when the service shuts down. */
  readonly drainSignal: AbortSignal
  readonly clock: Clock
  readonly onEvent: (event: FollowEvent) => void
}): StartFollow {
  const { startExport, openAccount, tails, sealer, retentionS, drainSignal, clock, onEvent } = deps

  const rewindOf = ({ connectionId, selection, listIds }: Followed) =>
    createRewindDeliveries(createSealedCursors(sealer, connectionId), selectionId(selection, listIds))

  /** @returns whether the cursor is that of an export that has ended */
  const checkCursor = async (cursor: string | undefined, followed: Followed) => {
    if (cursor === undefined) return false
    const { kind, horizon } = await rewindOf(followed).open(cursor)
    if (Number.isFinite(horizon) && horizon < clock.now() / 1000 - retentionS) throw expiredCursor()
    return kind === "end"
  }

  const begin = async (request: ExportRequest, from: string | undefined): Promise<Begun> => {
    const { format, cursor: endCursor } = createEndCursor(request.format, from)
    return { bytes: await startExport({ ...request, format }), from, endCursor }
  }

  return async (request) => {
    const { owner, expiresAt, onCaughtUp, onEnd, ...wanted } = request
    const { account, ...exportRequest } = wanted
    const { signal, selection, listIds, cursor } = exportRequest
    const followed = { owner, connectionId: account.connection.id, listIds, selection }
    let isEnd: boolean
    try {
      isEnd = await checkCursor(cursor, followed)
    } catch (error) {
      account[Symbol.dispose]()
      throw error
    }
    // The checkpoints of an export that is resumed have the deliveries of its beginning.
    const begun = await begin(wanted, isEnd ? cursor : undefined)
    // A generator that never starts never ends.
    signal.addEventListener("abort", onEnd, { once: true })
    return inTurns(run({ exportRequest, followed, expiresAt, onCaughtUp, onEnd, begun }))
  }

  // Not within the function above: a closure made in an async function holds its parameters, and so the account.
  async function* run(following: Following): AsyncGenerator<Uint8Array> {
    const { exportRequest, followed, expiresAt, onCaughtUp, onEnd } = following
    const { signal, eventsId } = exportRequest
    let error: unknown
    const leftMs = Math.max(0, expiresAt * 1000 - clock.now())
    using until = anySignal(signal, drainSignal)
    using _timer = startTimer(Math.min(leftMs, longestMs), clock, () => until.abort(tokenExpired()))
    try {
      /** What comes after the export that has ended, or after a tail that was too fast, which returns a cursor. */
      const next = async (cursor: string | undefined) => {
        if (following.begun !== undefined) {
          const { from, endCursor } = following.begun
          following.begun = undefined
          const tail = { tails, followed, until: until.signal, signal, onCaughtUp, clock }
          return followTail({ ...tail, cursor: await rewindOf(followed).to(from, endCursor()) })
        }
        const account = await openAccount(followed.owner, signal)
        following.begun = await begin({ ...exportRequest, account, cursor }, cursor)
        return following.begun.bytes
      }
      // One `yield*` for all, because a generator keeps what it last delegated to, and each `yield*` keeps its own.
      let bytes: AsyncGenerator<Uint8Array, string | void> = following.begun?.bytes ?? (await next(undefined))
      for (;;) bytes = await next((yield* bytes) ?? undefined)
    } catch (cause) {
      error = cause
      throw cause
    } finally {
      signal.removeEventListener("abort", onEnd)
      onEvent({ type: "follower_ended", requestId: eventsId, error: signal.aborted ? undefined : error })
      onEnd()
    }
  }
}

function tokenExpired(): AppError {
  return new AppError(
    "unauthorized",
    "Cannot continue because the token has expired: resume with another one",
  )
}

function expiredCursor(): AppError {
  return new AppError(
    "cursor_expired",
    "Cannot follow from this cursor because deliveries from its time are no longer kept: export without follow, or begin without a cursor",
  )
}
