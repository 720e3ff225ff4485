import { createBody } from "./body.ts"
import type { OpenVersions, Selected } from "./deduplicate.ts"
import type { Position, SweepPosition } from "./position.ts"
import type { PageRequest } from "./reading.ts"
import { type Reconciliation, createReconciliation } from "./reconciliation/reconciliation.ts"
import type { Page, Second } from "./source.ts"
import { type SweepOutcome, createSweepOutcome } from "./sweep-outcome.ts"
import { createTail } from "./tail.ts"
import type { SweepName, Task, WindowTask } from "./task.ts"
import { createWindowReading } from "./window/window.ts"

export type SweepOptions = {
  readonly name: SweepName
  readonly listId: string
  readonly status: string | undefined
  readonly horizon: Second
  /** The last second of a tail. If missing, a tail continues to the end of the list. */
  readonly until: Second | undefined
  readonly marginS: number
  /** Whether all members are read, whatever their dates. */
  readonly isWhole: boolean
  /** Whether part of the list was delivered before the export was resumed. */
  readonly isResumed: boolean
  /** Shared by all readings of a list. */
  readonly versions: OpenVersions
}

/** All readings of a list with one filter: first its body, the windows up to the horizon, in parallel, then its tail. */
export type Sweep = {
  readonly name: SweepName
  readonly outcome: SweepOutcome
  readonly reconciliation: Reconciliation
  /** The windows of the body in progress. */
  windows(): WindowTask[]
  isReading(): boolean
  isTailDue(): boolean
  /** Starts the tail, together with a check for members without a date if one is due. */
  startTail(): Task[]
  /** Starts a body, unless the tail was read or begins after the horizon. */
  startBody(): Task[]
  /** Takes the response to a request of a reading. Returns the rows to deliver. */
  receive(task: Task, page: Page, request: PageRequest): Selected
  /** Records that a reading has ended. */
  finish(task: Task): void
  /** Starts what is left to read if fewer rows were delivered than Mailchimp counts. */
  remedy(): Task[]
  /** The readings that may be split, because they begin before the horizon. */
  splittable(): WindowTask[]
  /** Splits the reading that contains the second. Returns the readings that this starts; none if it is too late. */
  split(second: Second): Task[]
  position(): SweepPosition
}

export function createSweep(from: SweepPosition, options: SweepOptions): Sweep {
  const { name, horizon } = options
  const since = startOf(from, options)
  const outcome = createSweepOutcome(from)
  const reconciliation = reconcile(since, options)
  const startReading = (from: Position, until?: Second) => startWindow(options, from, until)
  const body = createBody(from.windows, horizon, startReading)
  // rule: a tail ends at the caller's upper bound
  const tail = createTail(from.tail, (position) => startReading(position, options.until))
  /** A pending check for members without a date. */
  let endsCheck: Task | undefined

  return {
    name,
    outcome,
    reconciliation,
    windows: body.windows,
    // rule: no tail before the last page of the body
    isReading: () => tail.task() !== undefined || !body.isDone() || endsCheck !== undefined,
    isTailDue: () => !outcome.isRead() && tail.position() !== undefined,
    startTail,
    startBody: () => {
      const from = tail.position()
      if (outcome.isRead() || !from || from.since >= horizon) return []
      return addToBody(startReading(from, horizon))
    },
    receive: (task, page, request) => {
      const selected = task.reading.receive(page, request)
      // Only the first request of a whole list has no date filter.
      const isWhole = tail.task()?.from === Number.NEGATIVE_INFINITY
      reconciliation.add(page, selected, isWhole && task === tail.task())
      return selected
    },
    finish: (task) => {
      if (task === endsCheck) endsCheck = undefined
      const window = body.remove(task)
      if (window) outcome.endWindow(window)
      const tailTask = tail.task()
      if (!tailTask || task !== tailTask) return
      outcome.endTail(tailTask)
      tail.moveTo(outcome.asOf())
    },
    remedy: () => {
      if (outcome.doubtedAt() !== undefined) reconciliation.doubtCount()
      // rule: what was delivered is compared with what is counted
      const remedy = reconciliation.remedy()
      if (remedy === "tails") return startTail()
      if (remedy === "none") outcome.endShort(since)
      else if (remedy) return [{ sweep: name, reading: remedy }]
      outcome.resolveCount()
      return []
    },
    splittable: () => {
      const task = tail.task()
      return task && task.reading.position().since < horizon ? [...body.windows(), task] : body.windows()
    },
    split: (second) => {
      const task = tail.task()
      // rule: nothing is split at or after the horizon
      if (task && second > task.reading.position().since && second < horizon) return splitTail(task, second)
      return body.split(second)
    },
    position: () => {
      const task = tail.task()
      const inProgress = task ? [...body.windows(), task] : body.windows()
      return { windows: body.positions(), tail: tail.position(), ...outcome.lacks(inProgress) }
    },
  }

  function startTail(): Task[] {
    const task = tail.start()
    const reading = task && reconciliation.checkEnds()
    if (reading) endsCheck = { sweep: name, reading }
    return [task, endsCheck].flatMap((task) => task ?? [])
  }

  /** The reading that was the tail becomes the body, and the tail begins at the horizon. */
  function splitTail(first: WindowTask, second: Second): Task[] {
    first.reading.split(second)
    addToBody(first)
    return addToBody(startReading({ since: second }, horizon))
  }

  function addToBody(window: WindowTask): Task[] {
    body.add(window)
    if (window.from === Number.NEGATIVE_INFINITY) reconciliation.doubtDates()
    // rule: the body is followed by tails
    tail.moveTo(horizon)
    return [window]
  }
}

function startWindow(options: SweepOptions, from: Position, until: Second | undefined): WindowTask {
  return { sweep: options.name, from: from.since, reading: createWindowReading({ ...options, from, until }) }
}

/** The second at which the sweep began; -Infinity if all members are read. */
function startOf({ windows, tail, doubtedAt }: SweepPosition, { isWhole }: SweepOptions): Second {
  const starts = [...windows, ...(tail ? [tail] : [])].map(({ since }) => since)
  return isWhole ? Number.NEGATIVE_INFINITY : Math.min(...starts, doubtedAt ?? Infinity)
}

function reconcile(since: Second, options: SweepOptions): Reconciliation {
  const { listId, status, until: before, horizon, marginS, isWhole, isResumed, versions } = options
  const reconciliation = createReconciliation(
    {
      listId,
      status,
      since: Number.isFinite(since) ? since : undefined,
      before,
      horizon,
      marginS,
      isResumed,
    },
    versions,
  )
  // What was read before the export was resumed is unknown.
  if (isWhole && isResumed) reconciliation.doubtDates()
  return reconciliation
}
