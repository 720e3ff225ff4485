import { AppError } from "../errors.ts"
import { createArrivals } from "./arrivals.ts"
import { type Probe, createSplitPoints } from "./split-points.ts"
import type { ScannedPage } from "./deduplicate.ts"
import { type ListResult, type ListScan, type Task, type WindowTask, createListScan } from "./list-scan.ts"
import type { ListPosition } from "./position.ts"
import { type PageRequest, requestPage } from "./reading.ts"
import type { Page, Second, Source } from "./source.ts"
import { createClockSteps } from "./clock-steps.ts"

export type ScanOptions = {
  /** What to read of each list: all of it, or what an earlier export left. */
  readonly lists: readonly ListPosition[]
  /** The last second of the body: the watermark when the export began. */
  readonly horizon: Second
  /** Mailchimp's status filter for live members. */
  readonly status?: string | undefined
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

/** What an error means: only the list failed, the list was deleted, or the export cannot continue. */
export type Verdict = "list_failed" | "list_deleted" | "export_failed"

/** A list ended without its remaining rows, while the other lists are read. */
export type ListNotice = {
  readonly notice: Exclude<Verdict, "export_failed">
  readonly listId: string
  readonly error: unknown
}

export type Scan = {
  /** The pages of all lists. While one is consumed, the next are requested, as many as could start right now. */
  pages(): AsyncGenerator<ScannedPage | ListNotice>
  /** What remains to be read once all pages that were taken are written. */
  positions(): ListPosition[]
  /** No list's `asOf` is later than this second, even if the list was read before: see {@link ClockSteps}. */
  limit(): Second
  /** What the next export has to read, once all pages were taken. */
  nextPositions(): ListPosition[]
}

/** How long to wait for a response for a list that was already read, to see whether Mailchimp responds at all. */
const RESPONSE_S = 30

type Arrival =
  | { readonly list: ListScan; readonly task: Task; readonly request: PageRequest; readonly page: Page }
  /** Without a page if the request failed. */
  | { readonly probe: Probe<WindowTask>; readonly page: Page | undefined }
  | Failure
type Failure = {
  readonly list: ListScan
  readonly error: unknown
  /** How many pages had arrived when the request was started. */
  readonly begunAfter: number
  readonly verdict?: Verdict
}

/**
 * Reads the members of lists while they change, exactly and in parallel. It promises that every member who exists from the
 * start to the list's `asOf` is delivered at least once, that the last version delivered is that of `asOf` or a later one,
 * and that no older version follows a newer one.
 *
 * If one list fails alone, the others are still read. If all lists fail, the export fails.
 *
 * Idle request capacity is used: first to begin another list, then to split what is left of the longest reading at its
 * quantiles. Nothing is started while a page waits for the consumer, so memory is limited to two pages per request.
 */
export function createScan(options: ScanOptions, source: Source, signal: AbortSignal): Scan {
  const { lists: positions, onListEnd, judgeError = async () => "export_failed", ...listOptions } = options
  const clockSteps = createClockSteps(options.horizon, options.marginS)
  const lists = positions.map((position) => createListScan(position, listOptions, clockSteps))
  const unbegun = lists.filter((list) => !list.isDone())
  const responses = createArrivals<Arrival>()
  const splitPoints = createSplitPoints<WindowTask>()
  const listOf = new WeakMap<Task, ListScan>()
  /** The most requests that could be pending at once so far. */
  let maxPending = 0
  /** Aborts the requests of a list. */
  const abortOf = new Map(lists.map((list) => [list, new AbortController()]))
  const judged = new Set<ListScan>()
  let pagesReceived = 0
  /** For each list: the number of the last page that arrived. */
  const lastPageOf = new Map<ListScan, number>()
  const ended = new Map<ListScan, ListNotice>()

  return {
    pages,
    positions: () => lists.map((list) => list.position()),
    limit: () => {
      observeNow()
      return clockSteps.limit()
    },
    nextPositions: () => {
      observeNow()
      return lists
        .filter((list) => ended.get(list)?.notice !== "list_deleted")
        .map((list) =>
          // rule: a list that failed alone is read whole by the next export
          ended.has(list) ? unread(list.id) : list.nextPosition(),
        )
    },
  }

  /** The clock may have been put back since the last page that a list received. */
  function observeNow(): void {
    clockSteps.observe(source.now())
  }

  async function* pages(): AsyncGenerator<ScannedPage | ListNotice> {
    const abortAll = () => abortOf.forEach((controller) => controller.abort(signal.reason))
    signal.addEventListener("abort", abortAll, { once: true })
    if (signal.aborted) abortAll()
    const notices: ListNotice[] = []
    let hasDelivered = false
    for (const list of lists) if (list.isDone()) onListEnd?.(list.result())
    fill()
    while (!lists.every(isOver)) {
      if (responses.pending() === 0)
        throw new Error("Cannot continue the export because no request is pending")
      const response = await responses.take()
      if ("error" in response) {
        const notice = receiveError(response)
        if (notice) notices.push(notice)
        // Until something is delivered, an export that fails in every list can still be reported by an HTTP status.
        if (hasDelivered) yield* notices.splice(0)
        fill()
        continue
      }
      if ("probe" in response) {
        split(response.probe.task, splitPoints.found(response.probe, response.page?.second(0)))
        fill()
        continue
      }
      const { list, task, request, page } = response
      if (isOver(list)) {
        fill()
        continue
      }
      pagesReceived += 1
      lastPageOf.set(list, pagesReceived)
      const { ranges, next } = list.receive(task, page, request)
      for (const task of next) requestNext(list, task)
      const early = splitPoints.received(task, page, source.spare())
      requestRows(early.probes)
      for (const second of early.seconds) split(task, second)
      // A reading with a tied second falls behind the others. One reading more than the capacity lets it catch up.
      if (responses.pending() <= maxPending) splitAfterTied()
      fill()
      if (list.isDone()) onListEnd?.(list.result())
      yield { listId: list.id, page, ranges }
      hasDelivered = true
      yield* notices.splice(0)
    }
    refuseIfAllFailed()
    yield* notices
  }

  function isOver(list: ListScan): boolean {
    return list.isDone() || ended.has(list)
  }

  /** Has an error judged, and ends the list when the verdict arrives. Failures of its other requests are ignored. */
  function receiveError({ list, error, begunAfter, verdict }: Failure): ListNotice | undefined {
    if (isOver(list) || (!verdict && judged.has(list))) return undefined
    signal.throwIfAborted()
    if (verdict === "export_failed") throw error
    if (!verdict) {
      judged.add(list)
      responses.expect(
        judge(list, error, begunAfter).then((verdict) => ({ list, error, begunAfter, verdict })),
      )
      return undefined
    }
    const notice = { notice: verdict, listId: list.id, error }
    ended.set(list, notice)
    abortOf.get(list)?.abort(error)
    if (verdict === "list_failed") onListEnd?.({ ...list.result(), error })
    return notice
  }

  async function judge(list: ListScan, error: unknown, begunAfter: number): Promise<Verdict> {
    const verdict = await judgeError(list.id, error, signal)
    // Mailchimp does not respond at present. Only if it responds for other lists is that this list's own failure.
    const isPassing = error instanceof AppError && error.retryable
    return verdict === "list_failed" && isPassing && !(await hasOtherResponded(list, begunAfter))
      ? "export_failed"
      : verdict
  }

  /** Whether a page of another list has arrived since then, or else whether a request for a finished list succeeds now. */
  async function hasOtherResponded(list: ListScan, since: number): Promise<boolean> {
    if ([...lastPageOf].some(([other, page]) => other !== list && page > since)) return true
    const done = lists.find((other) => other !== list && other.isDone())
    if (!done) return false
    const limit = new AbortController()
    const query = { listId: done.id, sort: "last_changed", offset: 0, count: 1 } as const
    const hasResponded = source.read(query, limit.signal).then(
      () => true,
      () => false,
    )
    const isLate = source.pause(RESPONSE_S, limit.signal).then(
      () => false,
      () => false,
    )
    const abort = () => limit.abort(signal.reason)
    signal.addEventListener("abort", abort)
    try {
      return await Promise.race([hasResponded, isLate])
    } finally {
      signal.removeEventListener("abort", abort)
      limit.abort(new Error("Responded, or timed out"))
    }
  }

  function refuseIfAllFailed(): void {
    const failed = [...ended.values()].filter(({ notice }) => notice === "list_failed")
    if (failed.length > 0 && lists.every((list) => ended.has(list))) throw failed[0]?.error
  }

  /** Sends a request for a list, and attributes a failure to that list. */
  function expect(list: ListScan, request: (signal: AbortSignal) => Promise<Arrival>): void {
    const abort = abortOf.get(list)?.signal ?? signal
    const begunAfter = pagesReceived
    responses.expect(request(abort).catch((error: unknown) => ({ list, error, begunAfter })))
  }

  function requestNext(list: ListScan | undefined, task: Task): boolean {
    const request = list && task.reading.nextRequest()
    if (!request) return false
    listOf.set(task, list)
    if (!list.hasResponded()) splitPoints.begin(task, request.query, source.expected?.(request.query))
    expect(list, (signal) =>
      requestPage(request, source, signal).then((page) => ({ list, task, request, page })),
    )
    return true
  }

  function fill(): void {
    while (responses.waiting() === 0) {
      const spare = source.spare()
      if (responses.pending() > 0 && spare < 1) return
      const most = responses.pending() + Math.max(1, spare)
      const list = unbegun.shift()
      if (list) for (const task of list.begin()) requestNext(list, task)
      else if (!requestMore() && !splitAfterTied() && !probe()) return
      // A resumed list may begin with more readings, and must not get more again each time it is resumed.
      maxPending = Math.max(maxPending, Math.min(most, responses.pending()))
    }
  }

  /** The pages of a tied second are requested concurrently. */
  function requestMore(): boolean {
    return someSplittable((task, list) => requestNext(list, task))
  }

  /** Splitting after a tied second needs no probe. */
  function splitAfterTied(): boolean {
    return someSplittable((task) => {
      const second = task.reading.tiedSecond()
      return second !== task.reading.until() && split(task, second)
    })
  }

  function probe(): boolean {
    return requestRows(splitPoints.probes(splittable(), source.spare()))
  }

  function requestRows(probes: readonly Probe<WindowTask>[]): boolean {
    for (const probe of probes) {
      const list = listOf.get(probe.task)
      if (list)
        expect(list, async (signal) => ({ probe, page: await splitPoints.read(probe, source, signal) }))
    }
    return probes.length > 0
  }

  function splittable(): WindowTask[] {
    return lists.filter((list) => !isOver(list)).flatMap((list) => list.splittable())
  }

  /** Tries the readings one by one until `does` succeeds. */
  function someSplittable(does: (task: WindowTask, list: ListScan) => boolean): boolean {
    for (const list of lists)
      if (!isOver(list)) for (const task of list.splittable()) if (does(task, list)) return true
    return false
  }

  function split(task: Task, second: Second | undefined): boolean {
    const list = listOf.get(task)
    const begun = second === undefined ? [] : (list?.split(task.sweep, second) ?? [])
    for (const task of begun) requestNext(list, task)
    return begun.length > 0
  }
}

/** The position of a list of which nothing counts as received. */
function unread(id: string): ListPosition {
  return { id, live: { windows: [], tail: { since: Number.NEGATIVE_INFINITY } }, isUnread: true }
}
