import type { Cursor } from "../exports/cursor/cursor.ts"
import type { ListPosition, SweepPosition } from "../scan/position.ts"
import type { Second } from "../scan/source.ts"

/** The lists that a tail follows, and what was delivered of each. */
export type FollowedLists = {
  ids(): string[]
  has(listId: string): boolean
  /** A list that is new: it is read whole. */
  add(listId: string): void
  remove(listId: string): void
  /**
   * Moves back to what somebody has received who joins. Returns the lists that moved: rows after the new position may have been
   * delivered to others only.
   */
  rewind(cursor: Cursor): string[]
  /** The lists were read up to these positions. */
  advance(positions: readonly ListPosition[]): void
  /** The second up to which everything was delivered. Undefined if nothing was read yet. */
  asOf(): Second | undefined
  /** The end of each list's reading: the next one begins there. */
  positionOf(listId: string): Second | undefined
  /** @param horizon deliveries that arrived before this second are done */
  toCursor(horizon: Second): Cursor
}

export function createFollowedLists(selection: string): FollowedLists {
  /** Undefined for a list that is to be read whole. */
  const byId = new Map<string, ListPosition | undefined>()
  const positions = () => [...byId.values()].filter((position) => position !== undefined)

  return {
    ids: () => [...byId.keys()],
    has: (listId) => byId.has(listId),
    add: (listId) => void byId.set(listId, undefined),
    remove: (listId) => void byId.delete(listId),

    rewind: ({ lists }) =>
      lists.flatMap((theirs) => {
        const { id } = theirs
        const ours = byId.get(id)
        if (byId.has(id) && (ours === undefined || ours.isUnread)) return [id]
        if (ours !== undefined && startOf(ours) <= startOf(theirs)) return []
        byId.set(id, ours === undefined ? theirs : earlier(ours, theirs))
        return [id]
      }),

    advance: (read) => {
      for (const position of read) if (byId.has(position.id)) byId.set(position.id, position)
    },

    asOf: () => {
      const starts = positions().map(startOf).filter(Number.isFinite)
      return starts.length === 0 ? undefined : Math.min(...starts)
    },
    positionOf: (listId) => {
      const position = byId.get(listId)
      return position && startOf(position)
    },

    toCursor: (horizon) => ({
      kind: "end",
      selection,
      isIncremental: true,
      horizon,
      lists: positions(),
    }),
  }
}

/** Everything up to this second was delivered. */
function startOf({ isUnread, live, archived }: ListPosition): Second {
  return isUnread ? -Infinity : Math.min(sinceOf(live), archived ? sinceOf(archived) : Infinity)
}

function sinceOf({ tail }: SweepPosition): Second {
  return tail?.since ?? -Infinity
}

function earlier(ours: ListPosition, theirs: ListPosition): ListPosition {
  if (theirs.isUnread) return theirs
  const live = earlierSweep(ours.live, theirs.live)
  const archived = earlierSweep(ours.archived ?? ours.live, theirs.archived ?? theirs.live)
  return { id: ours.id, live, archived }
}

function earlierSweep(ours: SweepPosition, theirs: SweepPosition): SweepPosition {
  return { windows: [], tail: { since: Math.min(sinceOf(ours), sinceOf(theirs)) } }
}
