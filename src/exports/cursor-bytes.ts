import type { Cursor } from "./cursor.ts"
import type { ListPosition, SweepPosition } from "../scan/position.ts"
import { type Coder, createDecoder, createEncoder } from "./range-coder.ts"
import type { Second } from "../scan/source.ts"

const VERSION = 2
const BEGINNING = Number.NEGATIVE_INFINITY
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

const noPositions: SweepPosition = { windows: [] }
const blank: Cursor = { kind: "checkpoint", selection: "", isIncremental: false, horizon: 0, lists: [] }

/** Writes a cursor if the coder is an encoder, or reads one if the coder is a decoder. */
function codeCursor(coder: Coder, given: Cursor = blank): Cursor {
  const kind = coder.flag("end", given.kind === "end") ? "end" : "checkpoint"
  const isIncremental = coder.flag("incremental", given.isIncremental)
  const selection = coder.text("selection", given.selection)
  const horizon = codeFinite(coder, "horizon", given.horizon)
  const { codeSecond, expectDone } = createSecondCoder(
    coder,
    Number.isFinite(horizon) ? horizon : 0,
    given.lists,
  )
  const lists = codeIds(coder, given.lists).map(({ id, list }) => codeList(id, list))
  return { kind, selection, isIncremental, horizon, lists }

  function codeList(id: string, list: ListPosition | undefined): ListPosition {
    if (coder.flag("unread", list?.isUnread ?? false)) return { id, isUnread: true, live: noPositions }
    const isWhole = coder.flag("whole", list?.isWhole ?? false) || undefined
    const isDone = coder.flag("done", list?.isDone ?? false)
    expectDone(isDone)
    const isCounted = coder.flag("counted", list?.totalItems !== undefined, isDone ? 1 : 0)
    const totalItems = isCounted ? coder.number("total", list?.totalItems ?? 0) : undefined
    const live = codeSweep(models.live, list?.live ?? noPositions)
    const hasArchived = coder.flag("archived", list?.archived !== undefined)
    const archived = hasArchived
      ? codeSweep(models.archived, list?.archived ?? noPositions, live.tail?.since)
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
    const isShort = coder.flag("held", shortAt !== undefined)
    const isDoubted = coder.flag("doubted", doubtedAt !== undefined)
    return {
      windows: Array.from({ length: count }, (_, index) => {
        const until = codeSecond(windowModels.until, windows[index]?.until ?? 0)
        return { until, since: codeSecond(windowModels.since, windows[index]?.since ?? 0, until) }
      }),
      tail: hasTail ? { since: codeSecond(model, tail?.since ?? 0, near) } : undefined,
      shortAt: isShort ? codeSecond(models.held, shortAt ?? 0) : undefined,
      doubtedAt: isDoubted ? codeSecond(models.held, doubtedAt ?? 0) : undefined,
    }
  }
}

/** A thousand sorted random ids of 10 hex digits take 31.6 bits each instead of 40. Any other ids are coded as texts. */
function codeIds(
  coder: Coder,
  given: readonly ListPosition[],
): { id: string; list: ListPosition | undefined }[] {
  const sorted = given.filter(({ id }) => HEX_ID.test(id)).toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const others = given.filter(({ id }) => !HEX_ID.test(id))
  const sortedCount = coder.number("sorted ids", sorted.length)
  const otherCount = coder.number("other ids", others.length)
  let last = 0
  const sortedIds = Array.from({ length: sortedCount }, (_, index) => {
    const list = sorted[index]
    last += coder.number("distance of ids", list ? Number.parseInt(list.id, 16) - last : 0)
    return { id: last.toString(16).padStart(10, "0"), list }
  })
  const otherIds = Array.from({ length: otherCount }, (_, index) => {
    const list = others[index]
    return { id: coder.text("other id", list?.id ?? ""), list }
  })
  return [...sortedIds, ...otherIds]
}

/** The range that a second lies in. The models learn an era by its number. */
const eras = { beginning: 0, before: 1, earlier: 2, later: 3, none: 4 } as const
type Era = Exclude<keyof typeof eras, "none">

type SecondModels = ReturnType<typeof secondModels>
const models = { live: secondModels("live"), archived: secondModels("archived"), held: secondModels("held") }
const windowModels = { until: secondModels("until"), since: secondModels("since") }

function secondModels(name: string) {
  return {
    isBeginning: `${name} is the beginning`,
    isLater: `${name} is later`,
    isEarlier: `${name} is earlier`,
    isOnGrid: `${name} is on the grid`,
    offGrid: `${name} off the grid`,
    before: { alone: `${name} before`, near: `${name} before, near` },
    earlier: { alone: `${name} earlier`, near: `${name} earlier, near` },
    later: { alone: `${name} later`, near: `${name} later, near` },
  }
}

/**
 * Positions of many lists lie close together: after the horizon if this export has read the list, otherwise after the
 * horizon of the earlier export that this one continues. Positions are therefore coded as distances from these two
 * seconds, or from the position of the same list's other sweep.
 */
function createSecondCoder(coder: Coder, horizon: Second, lists: readonly ListPosition[]) {
  const positions = tailsOf(lists.filter(isIdle))
  const earliest = codeFinite(coder, "earliest", earliestOf(lists, horizon))
  const grids = {
    later: codeGrid(positions.filter((second) => second >= horizon).map((second) => second - horizon)),
    earlier: codeGrid(
      positions.filter((second) => second >= earliest && second < horizon).map((second) => second - earliest),
    ),
  }
  /** Lists that are done have different positions from lists that have not been started. */
  let isDone = false
  return { codeSecond, expectDone: (value: boolean) => void (isDone = value) }

  function codeSecond(model: SecondModels, second: Second, near?: Second): Second {
    const nearEra = near === undefined ? "none" : eraOf(near)
    const era = codeEra(model, eraOf(second), nearEra)
    if (era === "beginning") return BEGINNING
    if (era === "before") {
      if (near === undefined || nearEra !== era)
        return earliest - coder.number(model.before.alone, earliest - second)
      return near + codeSigned(coder, model.before.near, second - near)
    }
    const [origin, grid] = [era === "later" ? horizon : earliest, grids[era]]
    const step = Math.floor((second - origin) / grid)
    const rest = second - origin - step * grid
    const nearStep = near !== undefined && nearEra === era ? Math.floor((near - origin) / grid) : undefined
    const coded =
      nearStep === undefined
        ? coder.number(model[era].alone, step)
        : nearStep + codeSigned(coder, model[era].near, step - nearStep)
    const isOnGrid = coder.flag(model.isOnGrid, rest === 0)
    return origin + coded * grid + (isOnGrid ? 0 : coder.number(model.offGrid, rest))
  }

  function codeEra(model: SecondModels, era: Era, nearEra: keyof typeof eras): Era {
    const context = 2 * eras[nearEra] + (isDone ? 1 : 0)
    if (coder.flag(model.isBeginning, era === "beginning", context)) return "beginning"
    if (coder.flag(model.isLater, era === "later", context)) return "later"
    return coder.flag(model.isEarlier, era === "earlier", context) ? "earlier" : "before"
  }

  function eraOf(second: Second): Era {
    if (!Number.isFinite(second)) return "beginning"
    if (second >= horizon) return "later"
    return second >= earliest ? "earlier" : "before"
  }

  /** The largest power of two that divides nearly all distances: see coarsen(). */
  function codeGrid(distances: readonly number[]): number {
    let power = distances.length === 0 ? 0 : 12
    const isGrid = (grid: number) =>
      distances.filter((distance) => distance % grid === 0).length >= 0.9 * distances.length
    while (!isGrid(2 ** power)) power -= 1
    return 2 ** coder.number("grid", power)
  }
}

/**
 * The earliest position before the horizon, ignoring a few outliers, such as positions of lists that ended short. If all
 * lists are done or being read, the result comes from the other sweep of the lists being read.
 */
export function earliestOf(lists: readonly ListPosition[], horizon: Second): Second {
  const idle = tailsOf(lists.filter(isIdle)).filter((second) => second < horizon)
  const earlier = idle.length > 0 ? idle : tailsOf(lists).filter((second) => second < horizon)
  const share = idle.length > 0 ? 0.05 : 0.5
  return earlier.toSorted((a, b) => a - b)[Math.floor(earlier.length * share)] ?? horizon
}

function isIdle({ isDone, totalItems }: ListPosition): boolean {
  return isDone === true || totalItems === undefined
}

function tailsOf(lists: readonly ListPosition[]): Second[] {
  return lists
    .flatMap(({ live, archived }) => [live.tail?.since, archived?.tail?.since])
    .filter((second) => second !== undefined)
    .filter((second) => Number.isFinite(second))
}

function codeFinite(coder: Coder, model: string, second: Second): Second {
  const isFinite = coder.flag("is finite", Number.isFinite(second))
  return isFinite ? codeSigned(coder, model, second) : BEGINNING
}

/** Negative numbers are coded as odd numbers. */
function codeSigned(coder: Coder, model: string, value: number): number {
  const coded = coder.number(model, value < 0 ? -2 * value - 1 : 2 * value)
  return coded % 2 === 0 ? coded / 2 : -(coded + 1) / 2
}
