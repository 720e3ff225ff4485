import { createArrivals } from "./arrivals.ts"
import { createClockSteps } from "./clock-steps.ts"
import type { ScannedPage } from "./deduplicate.ts"
import { type ListNotice, type Verdict, createListFailures } from "./list-failures.ts"
import { type ListResult, type ListScan, createListScan } from "./list-scan.ts"
import type { ListPosition } from "./position.ts"
import { type Arrival, type PageArrival, createRequests } from "./requests.ts"
import { createScheduler } from "./scheduler.ts"
import type { Second, Source } from "./source.ts"
import { createSplitPoints } from "./split-points.ts"
import type { WindowTask } from "./task.ts"
import { watermarkAt } from "./watermark.ts"

export type { ListNotice, Verdict } from "./list-failures.ts"

export type ScanOptions = {
  /** What to read of each list: all of it, or what an earlier export left. */
  readonly lists: readonly ListPosition[]
  /** The last second of the body, unless `until` is earlier: the watermark when the export began. */
  readonly horizon: Second
  /** Mailchimp's status filter for live members. */
  readonly status?: string | undefined
  /** Only rows with one of these statuses are delivered: several, because Mailchimp's filter takes a single status. */
  readonly onlyStatuses?: readonly string[] | undefined
  /** The last second to export, if the caller set one. */
  readonly until?: Second | undefined
  /** How many seconds before Mailchimp's clock a second counts as closed. */
  readonly marginS: number
  /** Whether all members are exported, whatever their dates. */
  readonly isWhole?: boolean | undefined
  readonly onListEnd?: (result: ListResult) => void
  /** Judges an error of a request for a list's members. If missing, every error fails the whole export. */
  readonly judgeError?:
    ((listId: string, error: unknown, signal: AbortSignal) => Promise<Verdict>) | undefined
}

export type Scan = {
  /** The pages of all lists. While one is consumed, the next are requested, as many as could start right now. */
  pages(): AsyncGenerator<ScannedPage | ListNotice>
  /** What remains to be read once all pages that were taken are written. */
  positions(): ListPosition[]
  /** No list's `asOf` is later than this second, even if the list was read before: the watermark now, or {@link ClockSteps}. */
  limit(): Second
  /** What the next export has to read, once all pages were taken. */
  nextPositions(): ListPosition[]
}

/**
 * Reads the members of lists while they change, exactly and in parallel. README.md says what this promises. If one list fails
 * alone, the others are still read. If all lists fail, the export fails.
 */
export function createScan(options: ScanOptions, source: Source, signal: AbortSignal): Scan {
  const { lists: positions, onListEnd, judgeError = async () => "export_failed", ...listOptions } = options
  const clockSteps = createClockSteps(options.horizon, options.marginS)
  const lists = positions.map((position) => createListScan(position, listOptions, clockSteps))
  const responses = createArrivals<Arrival>()
  const { expect } = responses
  const failures = createListFailures({ lists, source, signal, judgeError, expect, onListEnd })
  const splitPoints = createSplitPoints<WindowTask>()
  const requests = createRequests({ source, splitPoints, send: failures.send, expect })
  const scheduler = createScheduler({ lists, isOver, source, splitPoints, requests, responses })

  return {
    pages,
    positions: () => lists.map((list) => list.position()),
    limit: () => {
      observeNow()
      // A list that was read from a future second on has that second as its position, but no future `asOf`.
      return Math.min(clockSteps.limit(), watermarkAt(source.now().earliest, options.marginS))
    },
    nextPositions: () => {
      observeNow()
      return lists
        .filter((list) => failures.noticeOf(list)?.notice !== "list_deleted")
        .map((list) =>
          // rule: a list that failed alone is read whole by the next export
          failures.noticeOf(list) ? unread(list.id) : list.nextPosition(),
        )
    },
  }

  /** The clock may have been put back since the last page that a list received. */
  function observeNow(): void {
    clockSteps.observe(source.now())
  }

  async function* pages(): AsyncGenerator<ScannedPage | ListNotice> {
    signal.addEventListener("abort", failures.abortAll, { once: true })
    if (signal.aborted) failures.abortAll()
    const notices: ListNotice[] = []
    let hasDelivered = false
    let isWaiting = false
    // rule: requests start when more are allowed
    using _listening = source.onSpare?.(() => {
      // rule: no request starts while a page is consumed
      if (isWaiting) scheduler.fill()
    })
    for (const list of lists) if (list.isDone()) onListEnd?.(list.result())
    scheduler.fill()
    while (!lists.every(isOver)) {
      if (responses.pending() === 0)
        throw new Error("Cannot continue the export because no request is pending")
      isWaiting = true
      const arrival = await responses.take()
      isWaiting = false
      if ("probe" in arrival) scheduler.receiveProbe(arrival)
      if ("error" in arrival) {
        const notice = failures.receive(arrival)
        if (notice) notices.push(notice)
        // Until something is delivered, an export that fails in every list can still be reported by an HTTP status.
        if (hasDelivered) yield* notices.splice(0)
      }
      const scanned = "task" in arrival && !isOver(arrival.list) ? receivePage(arrival) : undefined
      scheduler.fill()
      if (!scanned) continue
      yield scanned
      hasDelivered = true
      yield* notices.splice(0)
    }
    failures.refuseIfAllFailed()
    yield* notices
  }

  function receivePage(arrival: PageArrival): ScannedPage {
    const { list, task, request, page } = arrival
    failures.receivePage(list)
    const { ranges, next } = list.receive(task, page, request)
    scheduler.goOn(arrival, next)
    if (list.isDone()) onListEnd?.(list.result())
    return { listId: list.id, page, ranges }
  }

  function isOver(list: ListScan): boolean {
    return list.isDone() || failures.noticeOf(list) !== undefined
  }
}

/** The position of a list of which nothing counts as received. */
function unread(id: string): ListPosition {
  return { id, live: { windows: [], tail: { since: Number.NEGATIVE_INFINITY } }, isUnread: true }
}
