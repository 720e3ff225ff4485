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
import { createRewindDeliveries, type RewindDeliveries } from "./rewind-deliveries.ts"
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

/** What a follower keeps for as long as it stays. */
type Following = Pick<FollowRequest, "expiresAt" | "onCaughtUp" | "onEnd"> & {
  readonly exportRequest: Omit<ExportRequest, "account">
  readonly followed: Followed
  readonly rewind: RewindDeliveries
  /** The cursor from which its export continues, if that is the cursor of an end. */
  readonly from: { cursor: string | undefined }
  readonly endCursor: () => string
  /** The export with which it begins, until it begins. */
  readonly first: Awaited<ReturnType<StartExport>>[]
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

  /** @returns whether the cursor is that of an export that has ended */
  const checkCursor = async (cursor: string | undefined, rewind: RewindDeliveries) => {
    if (cursor === undefined) return false
    const { kind, horizon } = await rewind.open(cursor)
    if (Number.isFinite(horizon) && horizon < clock.now() / 1000 - retentionS) throw expiredCursor()
    return kind === "end"
  }

  return async (request) => {
    const { account, owner, expiresAt, onCaughtUp, onEnd, ...wanted } = request
    const { signal, selection, listIds, cursor } = wanted
    const followed = { owner, connectionId: account.connection.id, listIds, selection }
    const rewind = createRewindDeliveries(
      createSealedCursors(sealer, followed.connectionId),
      selectionId(selection, listIds),
    )
    const from: Following["from"] = { cursor: undefined }
    try {
      // The checkpoints of an export that is resumed have the deliveries of its beginning.
      if (await checkCursor(cursor, rewind)) from.cursor = cursor
    } catch (error) {
      account[Symbol.dispose]()
      throw error
    }
    const { format, cursor: endCursor } = createEndCursor(wanted.format, from)
    const exportRequest = { ...wanted, format }
    // Taken out when it begins, because it holds a page and the account, and a follower stays for days.
    const first = [await startExport({ ...exportRequest, account })]
    // A generator that never starts never ends.
    signal.addEventListener("abort", onEnd, { once: true })
    return inTurns(
      run({ exportRequest, expiresAt, onCaughtUp, onEnd, followed, rewind, from, endCursor, first }),
    )
  }

  // Not within the function above: a closure made in an async function holds its parameters, and so the account.
  async function* run(following: Following): AsyncGenerator<Uint8Array> {
    const { exportRequest, expiresAt, onCaughtUp, onEnd, followed, rewind, from, endCursor, first } =
      following
    const { signal, eventsId } = exportRequest
    let error: unknown
    const expired = new AbortController()
    const leftMs = Math.max(0, expiresAt * 1000 - clock.now())
    using _timer = startTimer(Math.min(leftMs, longestMs), clock, () => expired.abort(tokenExpired()))
    using until = anySignal(signal, expired.signal, drainSignal)
    try {
      const tail = { tails, followed, until: until.signal, signal, onCaughtUp, clock }
      const goOn = async (cursor: string | undefined) => {
        if (cursor === undefined)
          return followTail({ ...tail, cursor: await rewind.to(from.cursor, endCursor()) })
        // The tail was too fast for this follower, who continues with an export of its own.
        from.cursor = cursor
        return startExport({ ...exportRequest, account: await openAccount(followed.owner, signal), cursor })
      }
      let cursor: string | undefined
      // One `yield*` for all, because a generator keeps what it last delegated to, and each `yield*` keeps its own.
      for (;;) cursor = (yield* first.pop() ?? (await goOn(cursor))) ?? undefined
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
