import { AppError } from "../errors.ts"
import { type Clock, systemClock, within } from "../lib/time.ts"
import { readAhead } from "./read-ahead.ts"
import { watermarkAt } from "../scan/watermark.ts"
import type { Cursor } from "./cursor.ts"
import { countRows } from "../scan/deduplicate.ts"
import { type EventLines, type ExportList, createEventLines } from "./create-event-lines.ts"
import { createJson } from "./formats/json.ts"
import { createNdjson } from "./formats/ndjson.ts"
import type { ListResult } from "../scan/list-scan.ts"
import { planExport } from "./plan.ts"
import { type ListNotice, type Verdict, createScan } from "../scan/scan.ts"
import type { Selection } from "./selection.ts"
import { readSlice } from "./slice.ts"
import type { Source } from "../scan/source.ts"

export type FormatName = keyof typeof formats

/** Event lines between the members, which report progress and let a consumer resume. */
type EventsOptions = {
  readonly exportId: string
  /** Whether the export is of all lists instead of a single one. */
  readonly isOfAllLists?: boolean | undefined
  /** Identifies the selection, for the cursors. */
  readonly selectionId: string
  readonly sealCursor: (cursor: Cursor) => Promise<string>
  readonly waitingFor: () => "permit" | "rate_limit" | undefined
}

export type ExportOptions = {
  readonly lists: readonly ExportList[]
  readonly selection: Selection
  /** Resumes or continues an earlier export. */
  readonly cursor?: Cursor | undefined
  readonly format: FormatName
  /** Only with NDJSON, and not for a slice. */
  readonly events?: EventsOptions | undefined
  readonly source: Source
  /** Judges an error of a request for a list's members: see {@link ScanOptions}. */
  readonly judgeError?:
    ((listId: string, error: unknown, signal: AbortSignal) => Promise<Verdict>) | undefined
  /** How many seconds before Mailchimp's clock a second counts as closed. */
  readonly marginS: number
  /** Aborts when the consumer has left, even before it took the first byte. */
  readonly signal: AbortSignal
  /** Aborts with an error as its reason, which then fails the export like any other error. */
  readonly shutdownSignal?: AbortSignal | undefined
  /**
   * Whether the consumer has copied a chunk before it pulls the next one, as Bun's server does: then a page's memory is
   * released after it was sent. Otherwise the consumer may keep the chunks.
   */
  readonly lendsChunks?: boolean | undefined
  /** Called when the generator ends, however it ends. */
  readonly onEnd?: () => void
  readonly onEvent?: (event: ExportEvent) => void
  readonly clock?: Clock
}

/** What happens in an export, for logs and metrics. */
export type ExportEvent =
  | { readonly type: "page"; readonly listId: string; readonly rows: number; readonly bytes: number }
  | ({ readonly type: "list" } & ListResult)
  | { readonly type: "completed"; readonly rows: number }
  /** A list could not be read; the others are still exported. */
  | { readonly type: "list_failed"; readonly listId: string; readonly error: unknown }
  /** The consumer left or stopped the export. */
  | { readonly type: "left"; readonly rows: number }
  /** The transfer is truncated, because the response had already begun. */
  | { readonly type: "failed"; readonly rows: number; readonly error: unknown }

const formats = { ndjson: createNdjson, json: createJson }

/** Proxies close an idle connection after half a minute or later. */
const KEEP_ALIVE_MS = 10_000
/** Bun completes the response head with the first bytes of the body, so these must not wait long for the first row. */
const FIRST_BYTES_MS = 2000
/** A cursor of many lists is as long as several rows, so a checkpoint is written after this many rows or this time. */
const CHECKPOINT_ROWS = 1000
const CHECKPOINT_MS = 1000
/** A reset drops bytes that the consumer has not received yet, so it is delayed a little after the last bytes. */
const BREAK_AFTER_MS = 500

/**
 * Starts an export and resolves after its first page was read, so that a failure until then can still get an HTTP status
 * of its own. Bytes are read lazily: the next pages are requested while one is written. A failure after the first page ends
 * the generator by an exception, never cleanly, so that the transfer is truncated and even the simplest client notices. An
 * export that may lack rows ends the same way, unless its event lines say so.
 *
 * The caller must run the generator or abort `signal`, because the next pages are already being read.
 *
 * @throws {AppError} if the first page cannot be read
 */
export async function openExport(options: ExportOptions): Promise<AsyncGenerator<Uint8Array>> {
  const {
    signal,
    shutdownSignal,
    lendsChunks = false,
    onEvent = () => {},
    onEnd,
    clock = systemClock,
  } = options
  const reading = new AbortController()
  // Always removes the listeners: `shutdownSignal` outlives this export, which a listener on it would keep in memory.
  const stopReading = () => {
    signal.removeEventListener("abort", stopReading)
    shutdownSignal?.removeEventListener("abort", stopReading)
    reading.abort(signal.reason ?? shutdownSignal?.reason)
  }
  signal.addEventListener("abort", stopReading)
  shutdownSignal?.addEventListener("abort", stopReading)
  if (signal.aborted || shutdownSignal?.aborted) stopReading()

  const { pages, lines, results } = readMembers(options, reading.signal, clock)
  const first = pages.next()
  try {
    await first
  } catch (error) {
    // Requests for the first pages of other lists may be in flight.
    stopReading()
    throw error
  }
  return writeChunks()

  async function* writeChunks() {
    const writer = lines ? createEventWriter(lines, clock) : createPlainWriter(options.format)
    let rows = 0
    let outcome: ExportEvent | undefined
    // Pages without rows write nothing, however many arrive, so the time counts from the last bytes.
    let silentAtMs = clock.monotonicMs() + FIRST_BYTES_MS
    const write = function* (bytes: Uint8Array) {
      if (bytes.length === 0) return
      yield bytes
      silentAtMs = clock.monotonicMs() + KEEP_ALIVE_MS
    }
    const waitFor = <T>(next: Promise<T>) =>
      within(next, Math.max(0, silentAtMs - clock.monotonicMs()), clock)
    try {
      yield* write(writer.start())
      for (let next = first; ; next = pages.next()) {
        let item = await waitFor(next)
        for (; item === undefined; item = await waitFor(next)) yield* write(writer.alive(rows))
        if (item.done) break
        if ("notice" in item.value) {
          yield* write(writer.notice(item.value))
          continue
        }
        const { listId, page, ranges } = item.value
        let bytes = 0
        for (const { start, end } of ranges) {
          const rows = page.bytes(start, end)
          bytes += rows.length
          yield* write(writer.rows(rows))
        }
        if (lendsChunks) page.release()
        rows += countRows(ranges)
        yield* write(await writer.written(rows))
        onEvent({ type: "page", listId, rows: countRows(ranges), bytes })
      }
      if (!lines) refuseIncomplete(results)
      yield* write(await writer.end(rows))
      outcome = { type: "completed", rows }
    } catch (error) {
      if (signal.aborted) throw error
      outcome = { type: "failed", rows, error }
      yield* write(await writer.failed(error))
      await clock.sleep(BREAK_AFTER_MS, signal)
      throw error
    } finally {
      stopReading()
      await pages.return(undefined)
      onEvent(outcome ?? { type: "left", rows })
      onEnd?.()
    }
  }
}

function readMembers(options: ExportOptions, signal: AbortSignal, clock: Clock) {
  const { lists, selection, cursor, events, marginS, judgeError, onEvent } = options
  const listIds = lists.map(({ id }) => id)
  const { status, slice } = selection
  const results: ListResult[] = []
  if (slice)
    return {
      pages: readAhead(readSlice({ listIds, status, ...slice }, options.source, signal)),
      results,
    }

  let requests = 0
  const source: Source = {
    ...options.source,
    read: (query, signal) => {
      requests += 1
      return options.source.read(query, signal)
    },
  }
  const onListEnd = (result: ListResult) => {
    results.push(result)
    const { error, listId } = result
    onEvent?.(error === undefined ? { type: "list", ...result } : { type: "list_failed", listId, error })
  }
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
      requests: () => requests,
      now: clock.now,
    })
  return { pages: scan.pages(), lines, results }
}

/** Without event lines, a clean end is the only sign that no row is missing. */
function refuseIncomplete(results: readonly ListResult[]): void {
  const failed = results.find(({ error }) => error !== undefined)
  if (failed) throw failed.error
  const short = results.filter(({ isShort }) => isShort).map(({ listId }) => listId)
  if (short.length > 0) {
    throw new AppError(
      "mailchimp_error",
      `The export may be incomplete: Mailchimp's counts and rows disagree for list ${short.join(", ")}`,
    )
  }
}

/** The bytes to write at each point of an export. */
type Writer = {
  start(): Uint8Array
  rows(bytes: Uint8Array): Uint8Array
  notice(notice: ListNotice): Uint8Array
  written(rows: number): Uint8Array | Promise<Uint8Array>
  alive(rows: number): Uint8Array
  failed(error: unknown): Uint8Array | Promise<Uint8Array>
  end(rows: number): Uint8Array | Promise<Uint8Array>
}

const NOTHING = Buffer.alloc(0)
const nothing = () => NOTHING

function createPlainWriter(name: FormatName): Writer {
  const format = formats[name]()
  return { ...format, alive: format.keepAlive, notice: nothing, written: nothing, failed: format.broken }
}

function createEventWriter(lines: EventLines, clock: Clock): Writer {
  const { rows, line } = createNdjson()
  let last = { rows: 0, ms: clock.monotonicMs() }
  const isCheckpointDue = (rows: number) =>
    (last.rows === 0 && rows > 0) ||
    rows - last.rows >= CHECKPOINT_ROWS ||
    clock.monotonicMs() - last.ms >= CHECKPOINT_MS
  return {
    start: () => Buffer.concat(lines.start().map(line)),
    rows,
    notice: (notice) => line(lines.notice(notice)),
    written: async (rows) => {
      if (!isCheckpointDue(rows)) return NOTHING
      last = { rows, ms: clock.monotonicMs() }
      return line(await lines.checkpoint(rows))
    },
    alive: (rows) => line(lines.progress(rows)),
    failed: async (error) => line(await lines.error(error)),
    end: async (rows) => line(await lines.end(rows)),
  }
}
