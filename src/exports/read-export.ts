import type { Clock } from "../lib/time.ts"
import type { ScannedPage } from "../scan/deduplicate.ts"
import type { ListResult } from "../scan/list-scan.ts"
import { type ListNotice, type Verdict, createScan } from "../scan/scan.ts"
import type { Source } from "../scan/source.ts"
import { watermarkAt } from "../scan/watermark.ts"
import { type EventLines, type ExportList, createEventLines } from "./create-event-lines.ts"
import type { Cursor } from "./cursor/cursor.ts"
import type { EventLineOf } from "./event-lines.ts"
import type { StreamEvent } from "./export-event.ts"
import { planExport } from "./plan.ts"
import { readAhead } from "./read-ahead.ts"
import type { Selection } from "./selection.ts"
import { readSlice } from "./slice.ts"

export type ReadOptions = {
  readonly lists: readonly ExportList[]
  readonly selection: Selection
  /** Resumes or continues an earlier export. */
  readonly cursor?: Cursor | undefined
  /** Event lines between the members, which report progress and let a consumer resume. Not for a slice. */
  readonly events?: EventsOptions | undefined
  readonly source: Source
  /** Judges an error of a request for a list's members: see {@link ScanOptions}. */
  readonly judgeError?:
    ((listId: string, error: unknown, signal: AbortSignal) => Promise<Verdict>) | undefined
  /** How many seconds before Mailchimp's clock a second counts as closed. */
  readonly marginS: number
  readonly onEvent?: ((event: StreamEvent) => void) | undefined
}

type EventsOptions = {
  readonly exportId: string
  /** Identifies the selection, for the cursors. */
  readonly selectionId: string
  readonly sealCursor: (cursor: Cursor) => Promise<string>
  /** What the account's requests wait for before they are sent. */
  readonly waitingFor: () => EventLineOf<"progress">["waiting_for"] | undefined
}

type Reading = {
  readonly pages: AsyncGenerator<ScannedPage | ListNotice>
  /** Only if the options have `events`. */
  readonly lines?: EventLines | undefined
  /** The result of each list that has ended. */
  readonly results: readonly ListResult[]
}

/** Reads the selected members, and keeps account of what was read. */
export function readExport(options: ReadOptions, signal: AbortSignal, clock: Clock): Reading {
  const { lists, selection, source } = options
  const { statuses, slice } = selection
  const listIds = lists.map(({ id }) => id)
  return slice
    ? {
        pages: readAhead(readSlice({ listIds, status: statuses?.[0], ...slice }, source, signal)),
        results: [],
      }
    : scanLists(listIds, options, signal, clock)
}

function scanLists(
  listIds: readonly string[],
  { lists, selection, cursor, events, marginS, judgeError, onEvent, ...options }: ReadOptions,
  signal: AbortSignal,
  clock: Clock,
): Reading {
  const results: ListResult[] = []
  const onListEnd = (result: ListResult) => {
    results.push(result)
    const { error, listId } = result
    onEvent?.(error === undefined ? { type: "list", ...result } : { type: "list_failed", listId, error })
  }
  const { source, requests } = countRequests(options.source)
  const plan = planExport(listIds, selection, watermarkAt(source.now().earliest, marginS), cursor)
  const scan = createScan({ ...plan, marginS, onListEnd, judgeError }, source, signal)
  const lines =
    events &&
    createEventLines({
      ...events,
      lists,
      plan,
      scan,
      results,
      selection: events.selectionId,
      isOpenEnded: selection.before === undefined,
      requests,
      clock,
    })
  return { pages: scan.pages(), lines, results }
}

function countRequests(source: Source) {
  let requests = 0
  const read: Source["read"] = (query, signal) => {
    requests += 1
    return source.read(query, signal)
  }
  return { source: { ...source, read }, requests: () => requests }
}
