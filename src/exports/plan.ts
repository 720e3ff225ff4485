import type { Cursor } from "./cursor/cursor.ts"
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
  /** Only rows with one of these statuses are delivered. */
  readonly onlyStatuses?: readonly string[] | undefined
  /** The last selected second, if the caller set an upper bound. */
  readonly until?: Second | undefined
  /** Whether the export contains only what changed since another export. */
  readonly isIncremental: boolean
  /** Whether all members are selected, whatever their `last_changed`, including members without one. */
  readonly isWhole: boolean
  /** Lists of the earlier export that no longer exist. */
  readonly deletedLists: readonly string[]
}

/**
 * Plans an export. Without a cursor the lists are read whole, or between the dates of the selection. A checkpoint cursor
 * resumes with the same horizon. An end cursor reads what changed since, including archived members and members who no
 * longer have the selected status, so that the consumer sees who has left. Lists that are new, or could not be read
 * before, are read whole.
 *
 * @param closed the current watermark, which becomes the horizon of a new export
 */
export function planExport(
  listIds: readonly string[],
  selection: Pick<Selection, "statuses" | "since" | "before" | "includeArchived">,
  closed: Second,
  cursor?: Cursor,
): Plan {
  const isIncremental = cursor !== undefined && (cursor.kind === "end" || cursor.isIncremental)
  const filter = planStatuses(selection)
  const horizon = cursor?.kind === "checkpoint" ? cursor.horizon : closed
  const known = new Map(cursor?.lists.map((list) => [list.id, list]))
  return {
    lists: listIds.map(positionOf),
    horizon,
    ...(isIncremental ? {} : { status: filter.status, onlyStatuses: filter.onlyStatuses }),
    until: selection.before,
    isIncremental,
    isWhole: !isIncremental && selection.since === undefined && selection.before === undefined,
    deletedLists: [...known.keys()].filter((id) => !listIds.includes(id)),
  }

  function positionOf(id: string): ListPosition {
    const list = known.get(id)
    return list && !list.isUnread ? list : wholeList(id)
  }

  function wholeList(id: string): ListPosition {
    const sweep = between(selection.since ?? Number.NEGATIVE_INFINITY, horizon, selection.before)
    const isWhole =
      (isIncremental && selection.since === undefined && selection.before === undefined) || undefined
    return { id, isWhole, live: sweep, archived: isIncremental || filter.isArchivedToo ? sweep : undefined }
  }
}

/**
 * Plans which statuses are read, and by which sweep. Mailchimp's filter takes a single status. If several are selected, the live
 * sweep reads all of them and rows with another one are dropped. One sweep a status would miss members who change from a status
 * that is still to be read to one that was read.
 */
function planStatuses({
  statuses,
  includeArchived = false,
}: Pick<Selection, "statuses" | "includeArchived">) {
  const live = statuses?.filter((status) => status !== "archived")
  // If archived members alone are selected, the first sweep reads them.
  if (live?.length === 0) return { status: "archived", isArchivedToo: false }
  const isArchivedToo = includeArchived || statuses?.includes("archived") === true
  if (live === undefined || live.length === 1) return { status: live?.[0], isArchivedToo }
  return { onlyStatuses: isArchivedToo ? [...live, "archived"] : live, isArchivedToo }
}

/** The sweep from `since` to an upper bound. Only seconds up to the horizon are closed and can be read in parallel windows. */
function between(since: Second, horizon: Second, until?: Second): SweepPosition {
  if (until === undefined) return { windows: [], tail: { since } }
  if (until <= horizon) return { windows: [{ since, until }] }
  const windows = since < horizon ? [{ since, until: horizon }] : []
  return { windows, tail: { since: Math.max(since, horizon) } }
}
