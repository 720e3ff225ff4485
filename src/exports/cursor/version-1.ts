import { z } from "zod"
import type { Position, SweepPosition, WindowPosition } from "../../scan/position.ts"
import type { Second } from "../../scan/source.ts"
import type { Cursor } from "./cursor.ts"

/** Version 1 was JSON: a second is its distance from the horizon, null is the beginning of a list. */
const second = z.int().nullable()
const window = z.tuple([z.int(), second])
const sweep = z.union([
  second,
  z.object({ tail: second.optional(), heldAt: second.optional(), windows: z.array(window).optional() }),
])
/** The number of members of a list, null before it was counted; in brackets after the list was done. */
const total = z.union([z.null(), z.int(), z.tuple([z.int()])])
const list = z.union([z.tuple([z.string(), total, sweep]), z.tuple([z.string(), total, sweep, sweep])])
const content = z.object({
  v: z.literal(1),
  kind: z.enum(["checkpoint", "end"]),
  selection: z.string(),
  incremental: z.boolean(),
  horizon: z.int(),
  lists: z.array(list),
})

type WindowContent = z.infer<typeof window>
type SweepContent = z.infer<typeof sweep>

/**
 * Parses a cursor of version 1, which consumers may still have. Only version 2 is written.
 *
 * @throws {z.ZodError} if the value is not such a cursor
 */
export function parseCursorV1(value: unknown): Cursor {
  const { kind, selection, incremental, horizon, lists } = content.parse(value)
  return {
    kind,
    selection,
    isIncremental: incremental,
    horizon,
    lists: lists.map(([id, total, live, archived]) => ({
      id,
      totalItems: (Array.isArray(total) ? total[0] : total) ?? undefined,
      isDone: Array.isArray(total),
      live: toSweep(live),
      archived: archived === undefined ? undefined : toSweep(archived),
    })),
  }

  function toSweep(content: SweepContent): SweepPosition {
    if (content === null || typeof content === "number") return { windows: [], tail: toPosition(content) }
    const { tail, heldAt, windows = [] } = content
    return {
      tail: tail === undefined ? undefined : toPosition(tail),
      shortAt: heldAt === undefined ? undefined : toSecond(heldAt),
      windows: windows.map(toWindow),
    }
  }

  function toWindow([until, since]: WindowContent): WindowPosition {
    return { since: toSecond(since), until: until + horizon }
  }

  function toPosition(since: number | null): Position {
    return { since: toSecond(since) }
  }

  function toSecond(distance: number | null): Second {
    return distance === null ? Number.NEGATIVE_INFINITY : horizon + distance
  }
}
