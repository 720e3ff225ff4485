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
  /** The last second of the body: the watermark when the export began. */
  readonly horizon: Second
  /** Mailchimp's filter for the live sweep. */
  readonly status?: string | undefined
  /** Only rows with one of these statuses are delivered, although the sweeps read others, too. */
  readonly onlyStatuses?: readonly string[] | undefined
  /** The last second of a tail. If missing, a tail continues to the end of the list. */
  readonly until?: Second | undefined
  readonly marginS: number
  /** Whether all members are exported, whatever their dates. */
  readonly isWhole?: boolean | undefined
}

export type ListScan = {
  readonly id: string
  /** The readings to start with. */
  begin(): Task[]
  /** Takes a response. Returns the rows to deliver, and the readings whose next request is due. */
  receive(
    task: Task,
    page: Page,
    request: PageRequest,
  ): { readonly ranges: readonly Range[]; readonly next: Task[] }
  /** The readings that may be split, because they are before the horizon. */
  splittable(): WindowTask[]
  /** Splits the reading that contains the second. Returns the readings that this starts; none if it is too late. */
  split(sweep: SweepName, second: Second): Task[]
  /** What to read when the export is resumed, once everything received is written. */
  position(): ListPosition
  /** Whether a page of the list has arrived, in this export or in the one that it resumes. */
  hasResponded(): boolean
  isDone(): boolean
  result(): ListResult
  /** Where the next export begins, once the list is done: each sweep where this export left it. */
  nextPosition(): ListPosition
}

/** The outcome of a list. */
export type ListResult = {
  readonly listId: string
  readonly rows: number
  /** Mailchimp's count when the list was begun. */
  readonly totalItems: number
  /** Every member that existed from the start to this second was delivered, in the version of this second or a later one. */
  readonly asOf: Second
  /** Rows may be missing nevertheless, because Mailchimp's responses did not add up. */
  readonly isShort: boolean
  /** By how many rows Mailchimp's count was proved to be too high. */
  readonly countDiffers: number
  /** Rows were delivered twice, because only another reading of everything could tell whether count or scan was wrong. */
  readonly isReadAgain: boolean
  /** Mailchimp's `since_last_changed` returned rows that it should not: its rules may have changed. */
  readonly hasOddSince: boolean
  /** Members were dated ahead of both Mailchimp's clock and ours. */
  readonly hasDatedAhead: boolean
  /** Why the list was not read to its end, if it was not. */
  readonly error?: unknown
}

/**
 * Reads one list: first the bodies of its sweeps in parallel, then their tails, one after the other. A list that is never
 * split has no body: its first reading is its tail. README.md has the reasons.
 */
export function createListScan(
  from: ListPosition,
  { horizon, status, onlyStatuses, until, marginS, ...options }: ListScanOptions,
  clockSteps = createClockSteps(horizon, marginS),
): ListScan {
  const { id: listId } = from
  const isWhole = (options.isWhole || from.isWhole) ?? false
  const isResumed = from.totalItems !== undefined
  const versions: OpenVersions = new Map()
  const live = startSweep("live", from.live, status)
  const sweeps = from.archived ? [live, startSweep("archived", from.archived, "archived")] : [live]
  let isDone = from.isDone ?? false
  let rows = 0
  let { totalItems } = from
  let closed = from.isDone ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY

  return {
    id: listId,
    begin: () => (isDone ? [] : hasBody() ? sweeps.flatMap((sweep) => sweep.windows()) : goOn()),
    receive: (task, page, request) => {
      totalItems ??= page.totalItems
      closed = Math.max(closed, watermarkAt(page.sentAt.earliest, marginS))
      clockSteps.observe(page.sentAt)
      const sweep = sweepOf(task.sweep)
      const ranges = selectStatuses(page, sweep.receive(task, page, request).ranges, onlyStatuses)
      rows += countRows(ranges)
      if (!task.reading.isDone()) return { ranges, next: [task] }
      sweep.finish(task)
      return { ranges, next: goOn() }
    },
    splittable: () => sweeps.flatMap((sweep) => sweep.splittable()),
    split: (name, second) => {
      const isFirst = !hasBody()
      const begun = sweepOf(name).split(second)
      // The tails of a split list begin at the horizon, so what the other sweep has before the horizon is a body, too.
      const others = isFirst && begun.length > 0 ? sweeps.filter((sweep) => sweep.name !== name) : []
      return [...begun, ...others.flatMap((other) => other.startBody())]
    },
    position: () => {
      const [live, archived] = sweeps.map((sweep) => sweep.position())
      return { id: listId, isWhole: from.isWhole, live: live ?? from.live, archived, isDone, totalItems }
    },
    hasResponded: () => totalItems !== undefined,
    isDone: () => isDone,
    nextPosition: () => {
      // rule: the next export begins each sweep at that sweep's own end
      const ends = sweeps.map(endOf)
      return nextPosition(listId, ends, { horizon, status, onlyStatuses })
    },
    result: () => ({
      listId,
      rows,
      totalItems: totalItems ?? 0,
      // A list that is read from a future second on cannot have that second as its `asOf` yet.
      asOf: Math.min(closed, clockSteps.limit(), ...sweeps.map(({ outcome }) => outcome.asOf())),
      ...observed(sweeps),
    }),
  }

  function startSweep(name: SweepName, position: SweepPosition, status: string | undefined): Sweep {
    const options = { name, listId, status, horizon, until, marginS, isWhole, isResumed, versions }
    return createSweep(position, options)
  }

  function sweepOf(wanted: SweepName): Sweep {
    return sweeps.find(({ name }) => name === wanted) ?? live
  }

  function hasBody(): boolean {
    return sweeps.some((sweep) => sweep.windows().length > 0)
  }

  /** After the body: starts the next tail, or ends the list unless fewer rows were delivered than Mailchimp counts. */
  function goOn(): Task[] {
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

  function endOf({ outcome }: Sweep): Second {
    // rule: the next export repeats a short reading
    return Math.min(outcome.asOf(), outcome.shortAt() ?? Infinity, clockSteps.limit())
  }
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

/** Where the next export begins a list, if its sweeps ended at these seconds. */
function nextPosition(
  id: string,
  ends: readonly Second[],
  { horizon, status, onlyStatuses }: Pick<ListScanOptions, "horizon" | "status" | "onlyStatuses">,
): ListPosition {
  const live = ends[0] ?? horizon
  // rule: a sweep that was not read begins at the horizon
  const other = ends[1] ?? horizon
  // If the status filter is "archived", the first sweep reads archived members.
  // rule: if archived members were requested and ended short, the next export resumes them there
  const archived = status === "archived" ? live : other
  // rule: if several statuses were requested, the next export begins at the horizon as well
  const isAnyStatus = status === undefined && onlyStatuses === undefined
  // A member who lost the requested status after the horizon was delivered with it, and no tail showed the loss.
  // rule: if one status was requested, the next export begins at the horizon, to see members who lost it
  const liveStart = isAnyStatus ? live : Math.min(live, horizon)
  return {
    id,
    live: { windows: [], tail: { since: liveStart } },
    archived: { windows: [], tail: { since: archived } },
  }
}
