import type { Arrivals } from "./arrivals.ts"
import type { ListScan } from "./list-scan.ts"
import type { PageArrival, ProbeArrival, Requests } from "./requests.ts"
import type { Second, Source } from "./source.ts"
import type { SplitPoints } from "./split-points.ts"
import type { Task, WindowTask } from "./task.ts"

type SchedulerOptions = {
  readonly lists: readonly ListScan[]
  readonly isOver: (list: ListScan) => boolean
  readonly source: Source
  readonly splitPoints: SplitPoints<WindowTask>
  readonly requests: Requests
  readonly responses: Pick<Arrivals<unknown>, "pending" | "waiting">
}

/** Decides what to request next. */
export type Scheduler = {
  /** Uses idle request capacity, unless a page waits for the consumer. */
  fill(): void
  /** Requests what follows a page that a list has taken: the next pages, and splits that the page has made possible. */
  goOn(arrival: PageArrival, next: readonly Task[]): void
  /** Splits a reading at the row that a probe has found. */
  receiveProbe(arrival: ProbeArrival): void
}

/**
 * Idle request capacity is used first to begin another list, then for pages of a tied second, and then to split the longest
 * reading. Nothing is started while a page waits for the consumer, so memory is limited to two pages per request.
 */
export function createScheduler(options: SchedulerOptions): Scheduler {
  const { lists, isOver, source, splitPoints, requests, responses } = options
  const unbegun = lists.filter((list) => !list.isDone())

  return {
    fill,
    goOn: ({ list, task, page }, next) => {
      for (const task of next) requests.next(list, task)
      const early = splitPoints.received(task, page, source.spare())
      requests.probe(early.probes)
      for (const second of early.seconds) split(task, second)
    },
    receiveProbe: ({ probe, page }) => {
      split(probe.task, splitPoints.found(probe, page?.second(0)))
    },
  }

  function fill(): void {
    while (responses.waiting() === 0) {
      const spare = source.spare()
      if (responses.pending() > 0 && spare < 1) return
      const list = unbegun.shift()
      if (list) for (const task of list.begin()) requests.next(list, task)
      else if (!requestTied() && !splitAfterTied() && !probe()) return
    }
  }

  /** The pages of a tied second are requested concurrently. */
  function requestTied(): boolean {
    return someSplittable((task, list) => requests.next(list, task))
  }

  /** Splitting after a tied second needs no probe. */
  function splitAfterTied(): boolean {
    return someSplittable((task) => {
      const second = task.reading.tiedSecond()
      return second !== task.reading.until() && split(task, second)
    })
  }

  function probe(): boolean {
    const tasks = lists.filter((list) => !isOver(list)).flatMap((list) => list.splittable())
    return requests.probe(splitPoints.probes(tasks, source.spare()))
  }

  /** Tries the readings one by one until `does` succeeds. */
  function someSplittable(does: (task: WindowTask, list: ListScan) => boolean): boolean {
    for (const list of lists)
      if (!isOver(list)) for (const task of list.splittable()) if (does(task, list)) return true
    return false
  }

  function split(task: Task, second: Second | undefined): boolean {
    const list = requests.listOf(task)
    const begun = second === undefined ? [] : (list?.split(task.sweep, second) ?? [])
    if (list) for (const task of begun) requests.next(list, task)
    return begun.length > 0
  }
}
