import { createClockSteps } from "./clock-steps.ts"
import { type OpenVersions, type Range, countRows } from "./deduplicate.ts"
import type { ListPosition, SweepPosition } from "./position.ts"
import type { PageRequest } from "./reading.ts"
import type { Page, Second } from "./source.ts"
import { selectStatuses } from "./select-statuses.ts"
import { type Sweep, createSweep } from "./sweep.ts"
import type { SweepName, Task, WindowTask } from "./task.ts"
import { watermarkAt } from "./watermark.ts"

export type ListScanOptions = {
  /** The last second of the body, unless `until` is earlier: the watermark when the export began. */
  readonly horizon: Second
  /** Mailchimp's filter for the `live` sweep. If it is "archived", that sweep reads archived members, and is the only one. */
  readonly status?: string | undefined
  /** Only rows with one of these statuses are delivered, although the sweeps read others, too. */
  readonly onlyStatuses?: readonly string[] | undefined
  /** The caller's upper bound: the last second of the tail, or of the body if that is earlier. */
  readonly until?: Second | undefined
  readonly marginS: number
  /** Whether all members are exported, whatever their dates. */
  readonly isWhole?: boolean | undefined
}

export type ListScan = {
  readonly id: string
  /** The readings to start with. None if the list was done before the export was resumed. */
  begin(): Task[]
  /** Takes a response. Returns the rows to deliver, and the readings whose next request is due. */
  receive(
    task: Task,
    page: Page,
    request: PageRequest,
  ): { readonly ranges: readonly Range[]; readonly next: Task[] }
  /** The readings that may be split, because they begin before the horizon. */
  splittable(): WindowTask[]
  /** Splits the reading that contains the second. Returns the readings that this starts; none if it is too late. */
  split(sweep: SweepName, second: Second): Task[]
  /** What to read when the export is resumed, once everything received is written. */
  position(): ListPosition
  /** Whether a page of the list has arrived, in this export or before it was resumed. */
  hasResponded(): boolean
  isDone(): boolean
  result(): ListResult
  /** Where the next export begins, once the list is done: each sweep where it ended or, earlier, was short. */
  nextPosition(): ListPosition
}

/** The outcome of a list. */
export type ListResult = {
  readonly listId: string
  readonly rows: number
  /**
   * Mailchimp's count in the first response of the `live` sweep, so without archived members, unless they alone are read; with
   * an upper bound, of the members up to it or to the horizon. 0 if no page has arrived.
   */
  readonly totalItems: number
  /**
   * Every member that existed from the start to this second was delivered, in the version of this second or a later one. Infinite
   * if no response has arrived, or if the list was done before and its bound is not after the horizon.
   */
  readonly asOf: Second
  /** Rows may be missing nevertheless, because Mailchimp's responses did not add up. */
  readonly isShort: boolean
  /** By how many rows Mailchimp's count was proved to be too high. */
  readonly countDiffers: number
  /** All rows were delivered again: only a recount could tell whether Mailchimp's count or the scan was wrong. */
  readonly isReadAgain: boolean
  /** Mailchimp's `since_last_changed` returned rows that it should not: its rules may have changed. */
  readonly hasOddSince: boolean
  /** Members were dated ahead of both Mailchimp's clock and ours. */
  readonly hasDatedAhead: boolean
  /** Why the list was not read to its end, if it was not. Set by list-failures.ts. */
  readonly error?: unknown
}

/**
 * Reads one list. Without an upper bound each sweep is a tail that starts at the beginning. The tails of a list that is never
 * split are read one after the other, and remedies may follow. The first split makes the part up to the horizon the body, whose
 * windows are read in parallel. The tails that were not read yet then begin at the horizon, after the body. README.md has the
 * reasons.
 */
export function createListScan(
  from: ListPosition,
  { horizon, status, onlyStatuses, until, marginS, ...options }: ListScanOptions,
  clockSteps = createClockSteps(horizon, marginS),
): ListScan {
  const { id: listId } = from
  const isWhole = (options.isWhole || from.isWhole) ?? false
  // A list in progress has a count since its first page. Only lists that are done may lose it in a cursor.
  const isResumed = from.totalItems !== undefined
  const versions: OpenVersions = new Map()
  const live = startSweep("live", from.live, status)
  const archived = from.archived && startSweep("archived", from.archived, "archived")
  const sweeps = archived ? [live, archived] : [live]
  let isDone = from.isDone ?? false
  let rows = 0
  const count = createCount(from.totalItems)
  /** The latest watermark of a request. If the list was done before, its position has its `asOf`. */
  let latestWatermark = from.isDone ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY

  return {
    id: listId,
    begin: () => (isDone ? [] : isReadingBody() ? sweeps.flatMap((sweep) => sweep.windows()) : goOn()),
    receive: (task, page, request) => {
      count.note(task.sweep, page)
      latestWatermark = Math.max(latestWatermark, watermarkAt(page.sentAt.earliest, marginS))
      clockSteps.observe(page.sentAt)
      const sweep = findSweep(sweeps, task.sweep)
      const ranges = selectStatuses(page, sweep.receive(task, page, request).ranges, onlyStatuses)
      rows += countRows(ranges)
      if (!task.reading.isDone()) return { ranges, next: [task] }
      sweep.finish(task)
      return { ranges, next: goOn() }
    },
    splittable: () => sweeps.flatMap((sweep) => sweep.splittable()),
    split: (name, second) => {
      const isFirst = !isReadingBody()
      const begun = findSweep(sweeps, name).split(second)
      // After the first split the tails begin at the horizon. A sweep that is not read yet gets a body up to the horizon.
      const others = isFirst && begun.length > 0 ? sweeps.filter((sweep) => sweep.name !== name) : []
      return [...begun, ...others.flatMap((other) => other.startBody())]
    },
    position: () => ({
      id: listId,
      // The option is derived anew when the export is resumed.
      isWhole: from.isWhole,
      live: live.position(),
      archived: archived?.position(),
      isDone,
      totalItems: count.totalItems(),
    }),
    hasResponded: () => count.totalItems() !== undefined,
    isDone: () => isDone,
    nextPosition: () => {
      const limit = clockSteps.limit()
      // rule: the next export begins each sweep at that sweep's own end
      const ends = { live: endOf(live, limit), archived: archived && endOf(archived, limit) }
      return positionAfter(listId, ends, { horizon: Math.min(horizon, limit), status, onlyStatuses })
    },
    result: () => ({
      listId,
      rows,
      totalItems: count.totalItems() ?? 0,
      // A list that is read from a future second on has no future `asOf`, but the next export continues at that second.
      asOf: Math.min(latestWatermark, clockSteps.limit(), ...sweeps.map(({ outcome }) => outcome.asOf())),
      ...observed(sweeps),
    }),
  }

  function startSweep(name: SweepName, position: SweepPosition, status: string | undefined): Sweep {
    const options = { name, listId, status, horizon, until, marginS, isWhole, isResumed, versions }
    return createSweep(position, options)
  }

  function isReadingBody(): boolean {
    return sweeps.some((sweep) => sweep.windows().length > 0)
  }

  /**
   * What follows when a reading has ended: nothing while others are in progress, then the next tail. After the tails each
   * sweep is compared with Mailchimp's count, which may require a remedy, i.e. one more reading. Then the list is done.
   */
  function goOn(): Task[] {
    // No tail before the last page of the body: the rule is at `isReading` in sweep.ts.
    if (sweeps.some((sweep) => sweep.isReading())) return []
    const next = sweeps.find((sweep) => sweep.isTailDue())
    if (next) return next.startTail()
    for (const sweep of sweeps) {
      const remedy = sweep.remedy()
      if (remedy.length > 0) return remedy
    }
    isDone = true
    return []
  }
}

/** The count in the first response of the live sweep. Until then, that of the first response of all. */
function createCount(before: number | undefined) {
  let totalItems = before
  let isKnown = before !== undefined
  return {
    totalItems: () => totalItems,
    /** With an upper bound archived members are read concurrently, and may arrive first. */
    note: (sweep: SweepName, page: Page) => {
      const isLive = sweep === "live"
      if (totalItems === undefined || (isLive && !isKnown)) ({ totalItems } = page)
      isKnown ||= isLive
    },
  }
}

function findSweep(sweeps: readonly Sweep[], wanted: SweepName): Sweep {
  const sweep = sweeps.find(({ name }) => name === wanted)
  if (!sweep) throw new Error(`Cannot find the sweep of a reading: ${wanted}`)
  return sweep
}

/** What the sweeps of a list have shown, apart from rows. */
function observed(sweeps: readonly Sweep[]) {
  return {
    isShort: sweeps.some(({ outcome }) => outcome.shortAt() !== undefined),
    countDiffers: sweeps.reduce((sum, { reconciliation }) => sum + reconciliation.countDiffers(), 0),
    isReadAgain: sweeps.some(({ reconciliation }) => reconciliation.isReadAgain()),
    hasOddSince: sweeps.some(({ outcome }) => outcome.hasOddSince()),
    hasDatedAhead: sweeps.some(({ outcome }) => outcome.hasDatedAhead()),
  }
}

function endOf({ outcome }: Sweep, limit: Second): Second {
  // rule: the next export repeats a short reading
  return Math.min(outcome.asOf(), outcome.shortAt() ?? Infinity, limit)
}

/** Where the next export, which has no status filter and reads archived members, begins a list whose sweeps ended there. */
function positionAfter(
  id: string,
  ends: { readonly live: Second; readonly archived: Second | undefined },
  { horizon, status, onlyStatuses }: Pick<ListScanOptions, "horizon" | "status" | "onlyStatuses">,
): ListPosition {
  // rule: a sweep that was not read begins at the horizon
  const archivedEnd = ends.archived ?? horizon
  // The live sweep read archived members. It may have ended before the horizon, because it is short.
  // rule: after an export of archived members alone, the next export begins them at the end of that sweep
  const archived = status === "archived" ? ends.live : archivedEnd
  // rule: if several statuses were requested, the next export begins at the horizon as well
  const isAnyStatus = status === undefined && onlyStatuses === undefined
  // A member who lost the requested status after the horizon was delivered with it, and no tail showed the loss.
  // rule: if one status was requested, the next export begins at the horizon, to see members who lost it
  const live = isAnyStatus ? ends.live : Math.min(ends.live, horizon)
  return {
    id,
    live: { windows: [], tail: { since: live } },
    archived: { windows: [], tail: { since: archived } },
  }
}
