import { z } from "zod"
import type { ListPlace, Place, SweepPlace, WindowPlace } from "./place.ts"
import type { Second } from "./source.ts"

/** What a consumer has received, and so what is left to read. */
export type Cursor = {
  /** A checkpoint continues the same export; an end starts the next one, with what changed since. */
  readonly kind: "checkpoint" | "end"
  /** Names the selection of members and fields: another one would not continue what was received. */
  readonly selection: string
  /** Whether the export that it continues holds only what changed since another one. */
  readonly isIncremental: boolean
  readonly horizon: Second
  readonly lists: readonly ListPlace[]
}

/** Seconds are written as their distance from the horizon, and null is the beginning of a list, so that a cursor stays small. */
const second = z.int().nullable()
const window = z.tuple([z.int(), second])
const sweep = z.union([
  second,
  z.object({
    tail: second.optional(),
    heldAt: second.optional(),
    doubtedAt: second.optional(),
    windows: z.array(window).optional(),
  }),
])
/** How many members a list was counted to have, once it was; in brackets once it is done. */
const total = z.union([z.null(), z.int(), z.tuple([z.int()])])
const list = z.union([
  z.tuple([z.string()]),
  z.tuple([z.string(), total, sweep]),
  z.tuple([z.string(), total, sweep, sweep]),
])
const content = z.object({
  v: z.literal(1),
  kind: z.enum(["checkpoint", "end"]),
  selection: z.string(),
  incremental: z.boolean(),
  horizon: z.int(),
  lists: z.array(list),
})

type TotalContent = z.infer<typeof total>
type WindowContent = z.infer<typeof window>
type SweepContent = z.infer<typeof sweep>

/** What is sealed as a cursor: numbers and ids, nothing of a person. */
export type CursorContent = z.infer<typeof content>

export function toCursorContent({ kind, selection, isIncremental, horizon, lists }: Cursor): CursorContent {
  return {
    v: 1,
    kind,
    selection,
    incremental: isIncremental,
    horizon,
    lists: lists.map(({ id, totalItems = null, isDone, isUnread, live, archived }) => {
      if (isUnread) return [id]
      const total: TotalContent = isDone ? [totalItems ?? 0] : totalItems
      return archived ? [id, total, fromSweep(live), fromSweep(archived)] : [id, total, fromSweep(live)]
    }),
  }

  function fromSweep({ windows, tail, heldAt, doubtedAt }: SweepPlace): SweepContent {
    if (tail && windows.length === 0 && heldAt === undefined && doubtedAt === undefined)
      return fromSecond(tail.since)
    return {
      ...(tail ? { tail: fromSecond(tail.since) } : {}),
      ...(heldAt === undefined ? {} : { heldAt: fromSecond(heldAt) }),
      ...(doubtedAt === undefined ? {} : { doubtedAt: fromSecond(doubtedAt) }),
      ...(windows.length === 0 ? {} : { windows: windows.map(fromWindow) }),
    }
  }

  function fromWindow({ since, until }: WindowPlace): WindowContent {
    return [until - horizon, fromSecond(since)]
  }

  function fromSecond(second: Second): number | null {
    return Number.isFinite(second) ? second - horizon : null
  }
}

/**
 * Reads the content of a cursor that was opened.
 *
 * @throws {z.ZodError} when it was not written by this version
 */
export function parseCursorContent(value: unknown): Cursor {
  const { kind, selection, incremental, horizon, lists } = content.parse(value)
  return {
    kind,
    selection,
    isIncremental: incremental,
    horizon,
    lists: lists.map(([id, total, live = null, archived]) => ({
      id,
      isUnread: total === undefined ? true : undefined,
      totalItems: (Array.isArray(total) ? total[0] : total) ?? undefined,
      isDone: Array.isArray(total),
      live: toSweep(live),
      archived: archived === undefined ? undefined : toSweep(archived),
    })),
  }

  function toSweep(content: SweepContent): SweepPlace {
    if (content === null || typeof content === "number") return { windows: [], tail: toPlace(content) }
    const { tail, heldAt, doubtedAt, windows = [] } = content
    return {
      tail: tail === undefined ? undefined : toPlace(tail),
      heldAt: heldAt === undefined ? undefined : toSecond(heldAt),
      doubtedAt: doubtedAt === undefined ? undefined : toSecond(doubtedAt),
      windows: windows.map(toWindow),
    }
  }

  function toWindow([until, since]: WindowContent): WindowPlace {
    return { since: toSecond(since), until: until + horizon }
  }

  function toPlace(since: number | null): Place {
    return { since: toSecond(since) }
  }

  function toSecond(distance: number | null): Second {
    return distance === null ? Number.NEGATIVE_INFINITY : horizon + distance
  }
}
