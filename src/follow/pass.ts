import type { Account } from "../connections/open-account.ts"
import { createAccountLists } from "../exports/account-lists.ts"
import type { Cursor } from "../exports/cursor/cursor.ts"
import { createSealedCursors } from "../exports/cursor/sealed-cursor.ts"
import { createJudgeError } from "../exports/judge-error.ts"
import { createMembersSource } from "../exports/members-source.ts"
import { selectionId } from "../exports/selection.ts"
import type { Clock } from "../lib/time.ts"
import { watermarkAt } from "../scan/watermark.ts"
import type { Sealer } from "../sealer.ts"
import type { DeliveryStore } from "../webhooks/delivery.ts"
import type { Backlog } from "./backlog.ts"
import { confirmDeletions } from "./confirm-deletions.ts"
import type { FollowEvent } from "./follow-event.ts"
import type { Followed } from "./followed.ts"
import { createFollowedLists } from "./followed-lists.ts"
import { createHints } from "./hints.ts"
import { caughtUp, listDeleted, memberDeleted } from "./lines.ts"
import type { Polls } from "./polls.ts"
import { createWriteChanges } from "./write-changes.ts"
import { createRecentRows } from "./recent-rows.ts"
import { createRefreshLists } from "./refresh-lists.ts"
import { createTailOutput } from "./tail-output.ts"
import { createWakes } from "./wakes.ts"

export type PassDeps = {
  readonly deliveries: Pick<DeliveryStore, "list">
  /** Whether a member of a list exists. */
  readonly hasMember: (
    client: Account["client"],
    member: { readonly listId: string; readonly memberId: string },
    signal: AbortSignal,
  ) => Promise<boolean>
  /** Makes webhooks again that are gone at Mailchimp, of the lists that should have one. At most once an hour. */
  readonly keepWebhooks: (account: Account, listIds: readonly string[], signal: AbortSignal) => Promise<void>
  readonly sealer: Sealer
  readonly pageSize: number
  readonly polls: Polls
  readonly marginS: number
  readonly clock: Clock
  readonly onEvent: (event: FollowEvent) => void
}

/** The steps of a tail. */
export type Pass = {
  /** Moves back to what somebody has received who joins. */
  rewind(cursor: Cursor): void
  /**
   * Reads the lists that deliveries name and those whose turn it is, then requests the members that may be gone, and then
   * writes `caught_up`. Resolves to false, without a request, if nothing is to be read and nobody has joined.
   */
  run(hasJoined: boolean): Promise<boolean>
}

/** How long requests for the lists, or for one member, are retried: the next pass repeats them. */
const patienceMs = 30_000

export function createPass(
  { connectionId, listIds, selection }: Followed,
  deps: PassDeps & { readonly account: Account; readonly backlog: Backlog; readonly signal: AbortSignal },
): Pass {
  const { account, backlog, polls, marginS, pageSize, clock, signal, onEvent } = deps
  const { readAllLists } = createAccountLists(account.client, listIds, {
    signal,
    isContinued: true,
    deadlineMs: () => patienceMs,
  })
  const reading = { lists: [], pageSize, deadlineMs: () => undefined, cellFields: undefined }
  const source = createMembersSource(account, selection, reading)
  const lists = createFollowedLists(selectionId(selection, listIds))
  const hints = createHints({ marginS, nowS: () => Math.floor(clock.now() / 1000) })
  const recent = createRecentRows()
  const output = createTailOutput(backlog)
  const isFollowed = (listId: string) => listIds?.includes(listId) ?? true
  const wakes = createWakes({ ...deps, connectionId, hints, isFollowed })
  const readIds = async () => (await readAllLists(signal)).map(({ id }) => id)
  const refresh = createRefreshLists({ readIds: listIds === undefined ? readIds : undefined, lists, clock })
  const writeChanges = createWriteChanges({
    selection,
    marginS,
    judgeError: listIds?.length === 1 ? undefined : createJudgeError(readAllLists),
    source,
    lists,
    hints,
    recent,
    output,
    room: backlog.room,
    polls,
    signal,
    now: clock.now,
  })
  const { seal } = createSealedCursors(deps.sealer, connectionId)

  const removeDeletedLists = async (isUrgent: boolean) => {
    for (const listId of await refresh(isUrgent)) {
      hints.forget(listId)
      polls.forget(listId)
      output.line(listDeleted(listId, clock.now()))
    }
  }

  return {
    rewind: (cursor) => {
      wakes.rewind(cursor.horizon)
      for (const listId of lists.rewind(cursor)) wakes.wake(listId)
      recent.clear()
    },

    run: async (hasJoined) => {
      const startedMs = clock.monotonicMs()
      await wakes.read(watermarkAt(source.now().earliest, marginS))
      const woken = wakes.take()
      await removeDeletedLists(woken.listIds.some((id) => !lists.has(id)))
      void deps.keepWebhooks(account, lists.ids(), signal)
      const ids = new Set([...woken.listIds.filter(lists.has), ...polls.due(lists.ids())])
      if (ids.size === 0 && !hasJoined && hints.due(1).length === 0) return woken.listIds.length > 0
      const rows = await writeChanges([...ids])
      const gone = await confirmDeletions(hints, (hint) => deps.hasMember(account.client, hint, signal))
      for (const hint of gone) output.line(memberDeleted(hint, clock.now()))
      const cursor = await seal(lists.toCursor(wakes.doneUpTo()))
      const intervalS = polls.intervalS(lists.ids().length)
      output.line(caughtUp(cursor, { asOf: lists.asOf(), intervalS }), cursor)
      onEvent({
        type: "follow_pass",
        connectionId,
        lists: ids.size,
        woken: woken.listIds.length,
        rows,
        deleted: gone.length,
        followers: backlog.readers(),
        durationMs: Math.round(clock.monotonicMs() - startedMs),
        lagMs: woken.arrivedAt === undefined ? undefined : clock.now() - woken.arrivedAt * 1000,
      })
      return true
    },
  }
}
