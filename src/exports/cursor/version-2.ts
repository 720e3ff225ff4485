import type { ListPosition, SweepPosition } from "../../scan/position.ts"
import type { Second } from "../../scan/source.ts"
import type { Cursor } from "./cursor.ts"
import { type Coder, createDecoder, createEncoder } from "./range-coder.ts"
import { codeLoneSecond, createSecondCoder, createSecondModels, type SecondModels } from "./second-coder.ts"

const VERSION = 2
/** Mailchimp's list ids are 40-bit numbers: in ascending order, each costs only the distance from its predecessor. */
const HEX_ID = /^[0-9a-f]{10}$/

/** Encodes a cursor as version 2, which does not keep the order of the lists. */
export function encodeCursor(cursor: Cursor): Uint8Array {
  const encoder = createEncoder()
  codeCursor(encoder, cursor)
  return Uint8Array.of(VERSION, ...encoder.finish())
}

/** @throws RangeError if the content has another version */
export function decodeCursor(bytes: Uint8Array): Cursor {
  if (bytes[0] !== VERSION) throw new RangeError(`Cannot decode a cursor of version ${bytes[0]}`)
  return codeCursor(createDecoder(bytes.subarray(1)))
}

const models = {
  live: createSecondModels("live"),
  archived: createSecondModels("archived"),
  short: createSecondModels("short"),
  until: createSecondModels("until"),
  since: createSecondModels("since"),
}
const noPositions: SweepPosition = { windows: [] }
const blankList: ListPosition = { id: "", live: noPositions }
const blank: Cursor = { kind: "checkpoint", selection: "", isIncremental: false, horizon: 0, lists: [] }

/** Writes a cursor if the coder is an encoder, or reads one if the coder is a decoder. */
function codeCursor(coder: Coder, given: Cursor = blank): Cursor {
  const kind = coder.flag("end", given.kind === "end") ? "end" : "checkpoint"
  const isIncremental = coder.flag("incremental", given.isIncremental)
  const selection = coder.text("selection", given.selection)
  const horizon = codeLoneSecond(coder, "horizon", given.horizon)
  const { codeSecond, expectDone } = createSecondCoder(
    coder,
    Number.isFinite(horizon) ? horizon : 0,
    given.lists,
  )
  const lists = codeIds(coder, given.lists).map(({ id, list }) => codeList(id, list))
  return { kind, selection, isIncremental, horizon, lists }

  function codeList(id: string, list: ListPosition): ListPosition {
    if (coder.flag("unread", list.isUnread === true)) return { id, isUnread: true, live: noPositions }
    const isWhole = coder.flag("whole", list.isWhole === true) || undefined
    const isDone = coder.flag("done", list.isDone === true)
    expectDone(isDone)
    const isCounted = coder.flag("counted", list.totalItems !== undefined, isDone ? 1 : 0)
    const totalItems = isCounted ? coder.number("total", list.totalItems ?? 0) : undefined
    const live = codeSweep(models.live, list.live)
    const hasArchived = coder.flag("archived", list.archived !== undefined)
    const archived = hasArchived
      ? codeSweep(models.archived, list.archived ?? noPositions, live.tail?.since)
      : undefined
    return { id, totalItems, isWhole, isDone, live, archived }
  }

  function codeSweep(
    model: SecondModels,
    { windows, tail, shortAt, doubtedAt }: SweepPosition,
    near?: Second,
  ): SweepPosition {
    const isSplit = coder.flag("split", windows.length > 0)
    const count = isSplit ? coder.number("windows", windows.length) : 0
    const hasTail = coder.flag("tail", tail !== undefined)
    const isShort = coder.flag("short", shortAt !== undefined)
    const isDoubted = coder.flag("doubted", doubtedAt !== undefined)
    return {
      windows: Array.from({ length: count }, (_, index) => {
        const until = codeSecond(models.until, windows[index]?.until ?? 0)
        return { until, since: codeSecond(models.since, windows[index]?.since ?? 0, until) }
      }),
      tail: hasTail ? { since: codeSecond(model, tail?.since ?? 0, near) } : undefined,
      shortAt: isShort ? codeSecond(models.short, shortAt ?? 0) : undefined,
      doubtedAt: isDoubted ? codeSecond(models.short, doubtedAt ?? 0) : undefined,
    }
  }
}

/** A thousand sorted random ids of 10 hex digits take 31.6 bits each instead of 40. Any other ids are coded as texts. */
function codeIds(coder: Coder, given: readonly ListPosition[]): { id: string; list: ListPosition }[] {
  const sorted = given.filter(({ id }) => HEX_ID.test(id)).toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const others = given.filter(({ id }) => !HEX_ID.test(id))
  const sortedCount = coder.number("sorted ids", sorted.length)
  const otherCount = coder.number("other ids", others.length)
  let last = 0
  const sortedIds = Array.from({ length: sortedCount }, (_, index) => {
    const list = sorted[index]
    last += coder.number("distance of ids", list ? Number.parseInt(list.id, 16) - last : 0)
    return { id: last.toString(16).padStart(10, "0"), list: list ?? blankList }
  })
  const otherIds = Array.from({ length: otherCount }, (_, index) => {
    const list = others[index] ?? blankList
    return { id: coder.text("other id", list.id), list }
  })
  return [...sortedIds, ...otherIds]
}
