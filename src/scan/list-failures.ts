import { AppError } from "../errors.ts"
import type { ListResult, ListScan } from "./list-scan.ts"
import type { Source } from "./source.ts"

/** What an error means: only the list failed, the list was deleted, or the export cannot continue. */
export type Verdict = "list_failed" | "list_deleted" | "export_failed"

/** A list ended without its remaining rows, while the other lists are read. */
export type ListNotice = {
  readonly notice: Exclude<Verdict, "export_failed">
  readonly listId: string
  readonly error: unknown
}

/** A request for a list failed, or its failure was judged. */
export type Failure = {
  readonly list: ListScan
  readonly error: unknown
  /** How many pages had arrived when the request was started. */
  readonly begunAfter: number
  readonly verdict?: Verdict
}

type ListFailuresOptions = {
  readonly lists: readonly ListScan[]
  readonly source: Source
  readonly signal: AbortSignal
  /** Judges an error of a request for a list's members. */
  readonly judgeError: (listId: string, error: unknown, signal: AbortSignal) => Promise<Verdict>
  /** Takes a failure when it is judged. */
  readonly expect: (judged: Promise<Failure>) => void
  readonly onListEnd: ((result: ListResult) => void) | undefined
}

/** The lists that have failed, while the others are still read. */
export type ListFailures = {
  /** Sends a request for a list. If it rejects, the failure is attributed to the list. */
  send<T>(list: ListScan, request: (signal: AbortSignal) => Promise<T>): Promise<T | Failure>
  /** Records that a page of a list has arrived. */
  receivePage(list: ListScan): void
  /**
   * Has a failure judged, and ends the list when the verdict arrives. Failures of its other requests are ignored.
   *
   * @throws if the whole export has failed
   */
  receive(failure: Failure): ListNotice | undefined
  /** How the list ended, if it ended early. */
  noticeOf(list: ListScan): ListNotice | undefined
  /** @throws the error of a list if every list has ended early and one has failed */
  refuseIfAllFailed(): void
  /** Aborts the requests of all lists. */
  abortAll(): void
}

export function createListFailures(options: ListFailuresOptions): ListFailures {
  const { lists, source, signal, judgeError, expect, onListEnd } = options
  /** Aborts the requests of a list. */
  const abortOf = new Map(lists.map((list) => [list, new AbortController()]))
  const judged = new Set<ListScan>()
  const ended = new Map<ListScan, ListNotice>()
  let pagesReceived = 0
  /** For each list: the number of the last page that arrived. */
  const lastPageOf = new Map<ListScan, number>()

  return {
    send: (list, request) => {
      const abort = abortOf.get(list)?.signal ?? signal
      const begunAfter = pagesReceived
      return request(abort).catch((error: unknown) => ({ list, error, begunAfter }))
    },
    receivePage: (list) => {
      pagesReceived += 1
      lastPageOf.set(list, pagesReceived)
    },
    receive: ({ list, error, begunAfter, verdict }) => {
      if (list.isDone() || ended.has(list) || (!verdict && judged.has(list))) return undefined
      signal.throwIfAborted()
      if (verdict === "export_failed") throw error
      if (verdict) return end(list, error, verdict)
      judged.add(list)
      expect(judge(list, error, begunAfter).then((verdict) => ({ list, error, begunAfter, verdict })))
      return undefined
    },
    noticeOf: (list) => ended.get(list),
    refuseIfAllFailed: () => {
      const failed = [...ended.values()].filter(({ notice }) => notice === "list_failed")
      if (failed.length > 0 && lists.every((list) => ended.has(list))) throw failed[0]?.error
    },
    abortAll: () => abortOf.forEach((controller) => controller.abort(signal.reason)),
  }

  function end(list: ListScan, error: unknown, notice: ListNotice["notice"]): ListNotice {
    const listNotice = { notice, listId: list.id, error }
    ended.set(list, listNotice)
    abortOf.get(list)?.abort(error)
    if (notice === "list_failed") onListEnd?.({ ...list.result(), error })
    return listNotice
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
    return done !== undefined && (await responds(done.id, source, signal))
  }
}

/** How long to wait for a response, to see whether Mailchimp responds at all. */
const RESPONSE_S = 30

/** Whether a request for a member of the list succeeds now. */
async function responds(listId: string, source: Source, signal: AbortSignal): Promise<boolean> {
  const limit = new AbortController()
  const query = { listId, sort: "last_changed", offset: 0, count: 1 } as const
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
