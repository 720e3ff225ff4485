import { watermarkAt } from "./watermark.ts"
import { type OpenVersions, type Range, countRows } from "./deduplicate.ts"
import type { ListPosition, Position, SweepPosition } from "./position.ts"
import type { Lack, PageRequest, Reading } from "./reading.ts"
import type { Page, Second } from "./source.ts"
import { type Reconciliation, createReconciliation } from "./reconciliation.ts"
import { createClockSteps } from "./clock-steps.ts"
import { type WindowReading, createWindowReading } from "./window.ts"

/** One pass over a list. Without a status filter Mailchimp omits archived members, so they need a second sweep. */
type SweepName = "live" | "archived"

export type ListScanOptions = {
  /** The last second of the body: the watermark when the export began. */
  readonly horizon: Second
  /** Mailchimp's filter for the live sweep. */
  readonly status?: string | undefined
  /** The last second of a tail. If missing, a tail continues to the end of the list. */
  readonly until?: Second | undefined
  readonly marginS: number
  /** Whether all members are exported, whatever their dates. */
  readonly isWhole?: boolean | undefined
}

/** A reading in progress. */
export type Task = { readonly sweep: SweepName; readonly reading: Reading }

/** A reading of a window, in progress. */
export type WindowTask = Task & { readonly from: Second; readonly reading: WindowReading }

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

type Sweep = {
  readonly name: SweepName
  /** The second at which the sweep began. */
  readonly since: Second
  readonly windows: Set<WindowTask>
  tail: Position | undefined
  shortAt: Second | undefined
  doubtedAt: Second | undefined
  asOf: Second
  isRead: boolean
  /** Compares what was delivered with what Mailchimp counts. */
  readonly reconciliation: Reconciliation
  /** A pending check for members without a date. */
  endsCheck?: Task | undefined
}

/**
 * Reads one list: first its body, the windows up to the horizon, in parallel, then its tails, one after the other.
 * A list that is never split has no body: its first reading is its tail.
 *
 * Request no tail page until every body page has arrived; a slow body page could otherwise overwrite a newer version.
 * A member who moves between live and archived before the first tail is requested is in one of the two tails; a member who
 * moves later, after `asOf`, is in the next export.
 */
export function createListScan(
  from: ListPosition,
  { horizon, status, until, marginS, ...options }: ListScanOptions,
  clockSteps = createClockSteps(horizon, marginS),
): ListScan {
  const { id: listId } = from
  const isWhole = options.isWhole || from.isWhole
  const versions: OpenVersions = new Map()
  let isDone = from.isDone ?? false
  const live = startSweep("live", from.live)
  const sweeps = from.archived ? [live, startSweep("archived", from.archived)] : [live]
  let tail: WindowTask | undefined
  let hasOddSince = false
  let hasDatedAhead = false
  let rows = 0
  let { totalItems } = from
  let closed = from.isDone ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY

  return {
    id: from.id,
    begin: () => (isDone ? [] : hasBody() ? sweeps.flatMap(({ windows }) => [...windows]) : goOn()),
    receive,
    splittable: () => [
      ...sweeps.flatMap(({ windows }) => [...windows]),
      ...(tail && tail.reading.position().since < horizon ? [tail] : []),
    ],
    split,
    position: () => {
      const [live, archived] = sweeps.map(positionOf)
      return { id: from.id, isWhole: from.isWhole, live: live ?? from.live, archived, isDone, totalItems }
    },
    hasResponded: () => totalItems !== undefined,
    isDone: () => isDone,
    nextPosition: () => {
      // rule: the next export begins each sweep at that sweep's own end
      const ends = sweeps.map(nextStart)
      const live = ends[0] ?? horizon
      // rule: a sweep that was not read begins at the horizon
      const other = ends[1] ?? horizon
      // If the status filter is "archived", the first sweep reads archived members.
      // rule: if archived members were requested and ended short, the next export resumes them there
      const archived = status === "archived" ? live : other
      // A member who lost the requested status after the horizon was delivered with it, and no tail showed the loss.
      // rule: if one status was requested, the next export begins at the horizon, to see members who lost it
      const liveStart = status === undefined ? live : Math.min(live, horizon)
      return {
        id: from.id,
        live: { windows: [], tail: { since: liveStart } },
        archived: { windows: [], tail: { since: archived } },
      }
    },
    result: () => ({
      listId: from.id,
      rows,
      totalItems: totalItems ?? 0,
      // A list that is read from a future second on cannot have that second as its `asOf` yet.
      asOf: Math.min(closed, clockSteps.limit(), ...sweeps.map(({ asOf }) => asOf)),
      isShort: sweeps.some(({ shortAt }) => shortAt !== undefined),
      countDiffers: sweeps.reduce((sum, { reconciliation }) => sum + reconciliation.countDiffers(), 0),
      isReadAgain: sweeps.some(({ reconciliation }) => reconciliation.isReadAgain()),
      hasOddSince,
      hasDatedAhead,
    }),
  }

  /** Where the next export begins a sweep. */
  function nextStart({ asOf, shortAt }: Sweep): Second {
    // rule: the next export repeats a short reading
    return Math.min(asOf, shortAt ?? asOf, clockSteps.limit())
  }

  function startSweep(name: SweepName, { windows, tail, shortAt, doubtedAt }: SweepPosition): Sweep {
    const tasks = windows.map(({ until, ...position }) => startReading(name, position, until))
    const asOf = tail?.since ?? Number.POSITIVE_INFINITY
    const starts = [...windows, ...(tail ? [tail] : [])].map(({ since }) => since)
    const since = isWhole ? Number.NEGATIVE_INFINITY : Math.min(...starts, doubtedAt ?? Infinity)
    const isResumed = from.totalItems !== undefined
    const reconciliation = createReconciliation(
      {
        listId,
        status: filterOf(name),
        since: Number.isFinite(since) ? since : undefined,
        before: until,
        horizon,
        marginS,
        isResumed,
      },
      versions,
    )
    // What was read before the export was resumed is unknown.
    if (isWhole && isResumed) reconciliation.doubtDates()
    // rule: a doubted count is still doubted after a resume
    if (doubtedAt !== undefined) reconciliation.doubtCount()
    return {
      name,
      since,
      windows: new Set(tasks),
      tail,
      // rule: a cursor remembers what was short
      shortAt,
      doubtedAt,
      asOf,
      isRead: false,
      reconciliation,
    }
  }

  function startReading(sweep: SweepName, from: Position, until?: Second): WindowTask {
    const options = { listId, status: filterOf(sweep), from, until, marginS, versions }
    return { sweep, from: from.since, reading: createWindowReading(options) }
  }

  function filterOf(sweep: SweepName): string | undefined {
    return sweep === "archived" ? "archived" : status
  }

  function sweepOf({ sweep }: Task): Sweep {
    return sweeps.find(({ name }) => name === sweep) ?? live
  }

  function startTail(sweep: Sweep): Task[] {
    if (!sweep.tail) return []
    // rule: a tail ends at the caller's upper bound
    tail = startReading(sweep.name, sweep.tail, until)
    const reading = sweep.reconciliation.checkEnds()
    if (reading) sweep.endsCheck = { sweep: sweep.name, reading }
    return sweep.endsCheck ? [tail, sweep.endsCheck] : [tail]
  }

  function hasBody(): boolean {
    return sweeps.some(({ windows }) => windows.size > 0)
  }

  function receive(task: Task, page: Page, request: PageRequest) {
    totalItems ??= page.totalItems
    closed = Math.max(closed, watermarkAt(page.sentAt.earliest, marginS))
    clockSteps.observe(page.sentAt)
    const selected = task.reading.receive(page, request)
    rows += countRows(selected.ranges)
    const sweep = sweepOf(task)
    // Only the first request of a whole list has no date filter.
    sweep.reconciliation.add(page, selected, task === tail && tail?.from === Number.NEGATIVE_INFINITY)
    if (tail && task === tail) sweep.tail = tail.reading.position()
    return { ranges: selected.ranges, next: task.reading.isDone() ? finish(task) : [task] }
  }

  function finish(task: Task): Task[] {
    const sweep = sweepOf(task)
    if (tail && task === tail) return finishTail(sweep, hold(sweep, tail))
    for (const window of sweep.windows) if (window === task) return finishWindow(sweep, hold(sweep, window))
    if (task === sweep.endsCheck) sweep.endsCheck = undefined
    return goOn()
  }

  function hold(sweep: Sweep, task: WindowTask): WindowTask {
    hasOddSince ||= task.reading.hasOddSince()
    hasDatedAhead ||= task.reading.hasDatedAhead()
    sweep.shortAt = earliestLack("rules", sweep.shortAt, [task])
    sweep.doubtedAt = earliestLack("count", sweep.doubtedAt, [task])
    if (task.reading.lack() === "count") sweep.reconciliation.doubtCount()
    return task
  }

  function finishWindow(sweep: Sweep, task: WindowTask): Task[] {
    sweep.windows.delete(task)
    if (!sweep.tail) sweep.asOf = Math.min(sweep.asOf, task.reading.asOf())
    return goOn()
  }

  function finishTail(sweep: Sweep, { reading, from }: WindowTask): Task[] {
    // rule: `asOf` is the watermark when the last pages were requested, not now
    sweep.asOf = Math.max(reading.asOf(), from)
    sweep.tail = { since: sweep.asOf }
    sweep.isRead = true
    tail = undefined
    return goOn()
  }

  /** After the body: starts the next tail, or ends the list unless fewer rows were delivered than Mailchimp counts. */
  function goOn(): Task[] {
    // rule: no tail before the last page of the body
    if (tail || sweeps.some(({ windows, endsCheck }) => windows.size > 0 || endsCheck)) return []
    const next = sweeps.find(({ isRead, tail }) => !isRead && tail)
    // rule: the body is followed by tails
    if (next) return startTail(next)
    for (const sweep of sweeps) {
      // rule: what was delivered is compared with what is counted
      const remedy = sweep.reconciliation.remedy()
      if (remedy === "tails") return startTail(sweep)
      if (remedy === "none") sweep.shortAt = Math.min(sweep.since, sweep.shortAt ?? sweep.since)
      else if (remedy) return [{ sweep: sweep.name, reading: remedy }]
      sweep.doubtedAt = undefined
    }
    isDone = true
    return []
  }

  function split(name: SweepName, second: Second): Task[] {
    const sweep = sweeps.find((sweep) => sweep.name === name)
    if (!sweep) return []
    // rule: nothing is split at or after the horizon
    if (tail?.sweep === name && second > tail.reading.position().since && second < horizon) {
      return convert(sweep, tail, second)
    }
    for (const { reading } of sweep.windows) {
      const until = reading.until() ?? horizon
      if (second <= reading.position().since || second >= Math.min(until, horizon)) continue
      reading.split(second)
      const child = startReading(name, { since: second }, until)
      // rule: a window started by a split is in the cursor from then on
      sweep.windows.add(child)
      return [child]
    }
    return []
  }

  /** The first split of a list: the reading that was its tail becomes its body, and its tails begin at the horizon. */
  function convert(sweep: Sweep, task: WindowTask, second: Second): Task[] {
    tail = undefined
    task.reading.split(second)
    const begun = [startReading(sweep.name, { since: second }, horizon)]
    for (const other of sweeps) {
      if (other !== sweep && (other.isRead || !other.tail || other.tail.since >= horizon)) continue
      if (other !== sweep && other.tail) begun.push(startReading(other.name, other.tail, horizon))
      other.tail = { since: horizon }
    }
    for (const window of [task, ...begun]) {
      const { windows, reconciliation } = sweepOf(window)
      windows.add(window)
      if (window.from === Number.NEGATIVE_INFINITY) reconciliation.doubtDates()
    }
    return begun
  }

  /** The start of the earliest reading, among these tasks and earlier ones, that may lack rows for this reason. */
  function earliestLack(lack: Lack, before: Second | undefined, tasks: readonly WindowTask[]) {
    const starts = tasks.filter(({ reading }) => reading.lack() === lack).map(({ from }) => from)
    return starts.length === 0 ? before : Math.min(...starts, before ?? Number.POSITIVE_INFINITY)
  }

  function positionOf(sweep: Sweep): SweepPosition {
    const running = [...sweep.windows, ...(tail?.sweep === sweep.name ? [tail] : [])]
    const positions = Array.from(sweep.windows, ({ reading }) => ({
      ...reading.position(),
      until: reading.until() ?? horizon,
    }))
    return {
      windows: positions,
      tail: sweep.tail,
      shortAt: earliestLack("rules", sweep.shortAt, running),
      doubtedAt: earliestLack("count", sweep.doubtedAt, running),
    }
  }
}
