import { AppError } from "../errors.ts"
import { createArrivals } from "./arrivals.ts"
import { type Probe, createSplitPoints } from "./split-points.ts"
import type { ScannedPage } from "./deduplicate.ts"
import { type ListResult, type ListScan, type Task, type WindowTask, createListScan } from "./list-scan.ts"
import type { ListPosition } from "./position.ts"
import { type PageRequest, ask } from "./reading.ts"
import type { Page, Second, Source } from "./source.ts"
import { createClockSteps } from "./clock-steps.ts"

export type ScanOptions = {
  /** What is to be read of each list: all of it, or what another export left. */
  readonly lists: readonly ListPosition[]
  /** The last second of the body: the last closed one when the export began. */
  readonly horizon: Second
  /** Mailchimp's own filter for live members. */
  readonly status?: string | undefined
  /** The last second that is wanted, where the caller set one. */
  readonly until?: Second | undefined
  /** How many seconds before Mailchimp's clock a second counts as closed. */
  readonly marginS: number
  /** Whether all members are wanted, whatever their dates. */
  readonly isWhole?: boolean | undefined
  readonly onListEnd?: (result: ListResult) => void
  /** Judges an error of a request for a list's members. Without it every error is one of the whole export. */
  readonly judgeError?:
    ((listId: string, error: unknown, signal: AbortSignal) => Promise<Verdict>) | undefined
}

/** What an error means: the list alone has failed, it is there no more, or the export cannot go on. */
export type Verdict = "list_failed" | "list_deleted" | "export_failed"

/** A list ends without its rows, while the others are read. */
export type ListNotice = {
  readonly notice: Exclude<Verdict, "export_failed">
  readonly listId: string
  readonly error: unknown
}

export type Scan = {
  /** The pages of all lists. The next ones are asked for while one is used, as many as could start right now. */
  pages(): AsyncGenerator<ScannedPage | ListNotice>
  /** What is left to read once all deliveries that were taken are written. */
  positions(): ListPosition[]
  /** No list is of a later second than this one, even if it was read before: see {@link ClockSteps}. */
  limit(): Second
  /** What the next export has to read, once all deliveries were taken. */
  nextPositions(): ListPosition[]
}

/** How long a list that was read already may take to show that Mailchimp answers. */
const ANSWER_S = 30

type Arrival =
  | { readonly list: ListScan; readonly task: Task; readonly request: PageRequest; readonly page: Page }
  /** Without a page where it failed. */
  | { readonly probe: Probe<WindowTask>; readonly page: Page | undefined }
  | Failure
type Failure = {
  readonly list: ListScan
  readonly error: unknown
  /** How many pages had arrived when the request was begun. */
  readonly begunAfter: number
  readonly verdict?: Verdict
}

/**
 * Reads the members of lists while they change, exactly and side by side. What it promises: every member that exists from
 * the start to its list's `asOf` is delivered at least once, in the version of `asOf` or a later one at last, and no older
 * version after a newer one.
 *
 * A list that fails alone does not keep the others from being read. If all do, so does the export.
 *
 * Requests that could start and would not are used: first to begin another list, then to cut what is left of the longest
 * reading at its quantiles. Nothing is begun while a page waits for the consumer, so memory stays at two pages a request.
 */
export function createScan(options: ScanOptions, source: Source, signal: AbortSignal): Scan {
  const { lists: positions, onListEnd, judgeError = async () => "export_failed", ...listOptions } = options
  const clockSteps = createClockSteps(options.horizon, options.marginS)
  const lists = positions.map((position) => createListScan(position, listOptions, clockSteps))
  const unbegun = lists.filter((list) => !list.isDone())
  const responses = createArrivals<Arrival>()
  const splitPoints = createSplitPoints<WindowTask>()
  const listOf = new WeakMap<Task, ListScan>()
  /** The most questions that could be under way at once so far. */
  let mostPending = 0
  /** What ends the requests of a list. */
  const abortOf = new Map(lists.map((list) => [list, new AbortController()]))
  const judged = new Set<ListScan>()
  let pagesReceived = 0
  /** The number of the last page that arrived of each list. */
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
        .map((list) => (ended.has(list) ? unread(list.id) : list.nextPosition()))
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
      if (responses.pending() === 0) throw new Error("Cannot go on with an export as nothing is asked for")
      const response = await responses.take()
      if ("error" in response) {
        const notice = receiveError(response)
        if (notice) notices.push(notice)
        // As long as nothing was delivered, an export that fails in every list can still be told by a status.
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
      // The reading with a crowded second falls behind the others. One more than can be asked at once lets it catch up.
      if (responses.pending() <= mostPending) splitAfterTied()
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

  /** Has an error judged, and ends the list once it is. Its other requests fail as well, and change nothing. */
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
    // Mailchimp does not answer for now: that is the list's own fault only if it answers for others.
    const isPassing = error instanceof AppError && error.retryable
    return verdict === "list_failed" && isPassing && !(await isOtherAnswered(list, begunAfter))
      ? "export_failed"
      : verdict
  }

  /** Whether another list was answered since then, or is now, where none was asked for. */
  async function isOtherAnswered(list: ListScan, since: number): Promise<boolean> {
    if ([...lastPageOf].some(([other, page]) => other !== list && page > since)) return true
    const done = lists.find((other) => other !== list && other.isDone())
    if (!done) return false
    const limit = new AbortController()
    const query = { listId: done.id, sort: "last_changed", offset: 0, count: 1 } as const
    const isAnswered = source.read(query, limit.signal).then(
      () => true,
      () => false,
    )
    const isLate = source.pause(ANSWER_S, limit.signal).then(
      () => false,
      () => false,
    )
    const abort = () => limit.abort(signal.reason)
    signal.addEventListener("abort", abort)
    try {
      return await Promise.race([isAnswered, isLate])
    } finally {
      signal.removeEventListener("abort", abort)
      limit.abort(new Error("Answered, or too late"))
    }
  }

  function refuseIfAllFailed(): void {
    const failed = [...ended.values()].filter(({ notice }) => notice === "list_failed")
    if (failed.length > 0 && lists.every((list) => ended.has(list))) throw failed[0]?.error
  }

  /** Requests for a list, so that its failure is its own. */
  function expect(list: ListScan, request: (signal: AbortSignal) => Promise<Arrival>): void {
    const abort = abortOf.get(list)?.signal ?? signal
    const begunAfter = pagesReceived
    responses.expect(request(abort).catch((error: unknown) => ({ list, error, begunAfter })))
  }

  function requestNext(list: ListScan | undefined, task: Task): boolean {
    const request = list && task.reading.nextRequest()
    if (!request) return false
    listOf.set(task, list)
    if (!list.isAnswered()) splitPoints.begin(task, request.query, source.expected?.(request.query))
    expect(list, (signal) => ask(request, source, signal).then((page) => ({ list, task, request, page })))
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
      // A list that is continued may begin with more, and must not get more again with each break.
      mostPending = Math.max(mostPending, Math.min(most, responses.pending()))
    }
  }

  /** The pages of a second that is read by offset do not wait for each other. */
  function requestMore(): boolean {
    return someSplittable((task, list) => requestNext(list, task))
  }

  /** What lies behind a second that is read by offset needs no question to be found. */
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

  /** Whether one does what is wanted; no other one after it is tried. */
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

/** A list of which nothing is known to have been received. */
function unread(id: string): ListPosition {
  return { id, live: { windows: [], tail: { since: Number.NEGATIVE_INFINITY } }, isUnread: true }
}
