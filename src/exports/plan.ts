import type { Cursor } from "./cursor.ts"
import type { ListPosition, SweepPosition } from "../scan/position.ts"
import type { Selection } from "./selection.ts"
import type { Second } from "../scan/source.ts"

/** What an export has to read. */
export type Plan = {
  readonly lists: readonly ListPosition[]
  /** The last second of the body. */
  readonly horizon: Second
  /** Mailchimp's filter for live members. */
  readonly status?: string | undefined
  /** The last second that is wanted, where the caller set one. */
  readonly until?: Second | undefined
  /** Whether it holds only what changed since another export. */
  readonly isIncremental: boolean
  /** Whether all members are wanted, whatever their dates: those without one, too. */
  readonly isWhole: boolean
  /** Lists that an earlier export had and that are gone. */
  readonly gone: readonly string[]
}

/**
 * Plans an export. Without a cursor the lists are read whole, or between the dates of the selection. A checkpoint's cursor
 * goes on where it was, with the horizon it had; an end's one reads what changed since, archived members too, and those
 * who no longer have the selected status, so that who left is seen. Lists that are new, or could not be read, are read whole.
 *
 * @param closed the last closed second now: the horizon of an export that begins
 */
export function planExport(
  listIds: readonly string[],
  selection: Pick<Selection, "status" | "since" | "before" | "includeArchived">,
  closed: Second,
  cursor?: Cursor,
): Plan {
  const isIncremental = cursor !== undefined && (cursor.kind === "end" || cursor.isIncremental)
  // Where archived members are the wanted ones, a second sweep would bring them all again.
  const isArchivedToo = selection.includeArchived && selection.status !== "archived"
  const horizon = cursor?.kind === "checkpoint" ? cursor.horizon : closed
  const known = new Map(cursor?.lists.map((list) => [list.id, list]))
  return {
    lists: listIds.map(positionOf),
    horizon,
    status: isIncremental ? undefined : selection.status,
    until: selection.before,
    isIncremental,
    isWhole: !isIncremental && selection.since === undefined && selection.before === undefined,
    gone: [...known.keys()].filter((id) => !listIds.includes(id)),
  }

  function positionOf(id: string): ListPosition {
    const list = known.get(id)
    return list && !list.isUnread ? list : wholeList(id)
  }

  function wholeList(id: string): ListPosition {
    const sweep = between(selection.since ?? Number.NEGATIVE_INFINITY, horizon, selection.before)
    const isWhole =
      (isIncremental && selection.since === undefined && selection.before === undefined) || undefined
    return { id, isWhole, live: sweep, archived: isIncremental || isArchivedToo ? sweep : undefined }
  }
}

/** Up to an upper bound. Only what is not behind the horizon is at rest, and can be read side by side. */
function between(since: Second, horizon: Second, until?: Second): SweepPosition {
  if (until === undefined) return { windows: [], tail: { since } }
  if (until <= horizon) return { windows: [{ since, until }] }
  const windows = since < horizon ? [{ since, until: horizon }] : []
  return { windows, tail: { since: Math.max(since, horizon) } }
}
