import { type Clock, systemClock } from "../lib/clock.ts"
import { readAhead } from "../lib/read-ahead.ts"
import { within } from "../lib/within.ts"
import { type Delivery, countRows } from "./delivery.ts"
import { createJson } from "./formats/json.ts"
import { createNdjson } from "./formats/ndjson.ts"
import { type ListResult, scan } from "./scan.ts"
import type { Selection } from "./selection.ts"
import { readSlice } from "./slice.ts"
import type { Source } from "./source.ts"

export type FormatName = keyof typeof formats

export type ExportOptions = {
  readonly listIds: readonly string[]
  readonly selection: Selection
  readonly format: FormatName
  readonly source: Source
  /** How many seconds before Mailchimp's clock a second counts as closed. */
  readonly marginS: number
  /** Aborts when the consumer has left: also before the first byte was taken. */
  readonly signal: AbortSignal
  readonly onEvent?: (event: ExportEvent) => void
  readonly clock?: Clock
}

/** What happens in an export, for logs and metrics. */
export type ExportEvent =
  | { readonly type: "page"; readonly listId: string; readonly rows: number; readonly bytes: number }
  | ({ readonly type: "list" } & ListResult)
  | { readonly type: "completed"; readonly rows: number }
  /** The consumer left, or stopped the export. */
  | { readonly type: "left"; readonly rows: number }
  /** The transfer is broken off, as the answer had begun. */
  | { readonly type: "failed"; readonly rows: number; readonly error: unknown }

const formats = { ndjson: createNdjson, json: createJson }

/** Smaller ones cost calls, greater ones memory. */
const CHUNK_BYTES = 256 * 1024
/** Proxies on the way give a silent connection up after half a minute or later. */
const KEEP_ALIVE_MS = 10_000
/** A reset drops what the consumer has not received yet, so it comes a little after the last bytes. */
const BREAK_AFTER_MS = 500

/**
 * Starts an export and resolves once its first page was read, so that a failure until then can still be told by a status
 * of its own. The bytes are read lazily, at most one page ahead of the consumer. A failure after the first page ends the
 * generator by an exception, never by a clean end, so that the transfer breaks and the simplest client sees it. Each
 * chunk is the consumer's own.
 *
 * The generator must be run, or else `signal` aborted: the second page is being read already.
 *
 * @throws {AppError} when the first page cannot be read
 */
export async function openExport(options: ExportOptions): Promise<AsyncGenerator<Uint8Array>> {
  const { signal, onEvent = () => {}, clock = systemClock } = options
  const reading = new AbortController()
  const stopReading = () => reading.abort(signal.reason)
  if (signal.aborted) stopReading()
  else signal.addEventListener("abort", stopReading, { once: true })

  const deliveries = readAhead(readMembers(options, reading.signal))
  const first = deliveries.next()
  try {
    await first
  } catch (error) {
    signal.removeEventListener("abort", stopReading)
    throw error
  }
  return writeChunks()

  async function* writeChunks() {
    const format = formats[options.format]()
    let rows = 0
    let outcome: ExportEvent | undefined
    try {
      yield* unlessEmpty(format.start())
      for (let next = first; ; next = deliveries.next()) {
        let item = await within(next, KEEP_ALIVE_MS, clock)
        for (; item === undefined; item = await within(next, KEEP_ALIVE_MS, clock))
          yield* unlessEmpty(format.keepAlive())
        if (item.done) break
        const { listId, page, ranges } = item.value
        let bytes = 0
        for (const piece of piecesOf(item.value)) {
          bytes += piece.length
          yield format.rows(piece)
        }
        page.release()
        rows += countRows(ranges)
        onEvent({ type: "page", listId, rows: countRows(ranges), bytes })
      }
      yield* unlessEmpty(format.end())
      outcome = { type: "completed", rows }
    } catch (error) {
      if (signal.aborted) throw error
      outcome = { type: "failed", rows, error }
      await clock.sleep(BREAK_AFTER_MS, signal)
      throw error
    } finally {
      signal.removeEventListener("abort", stopReading)
      stopReading()
      await deliveries.return(undefined)
      onEvent(outcome ?? { type: "left", rows })
    }
  }
}

function readMembers(
  { listIds, selection, source, marginS, onEvent }: ExportOptions,
  signal: AbortSignal,
): AsyncGenerator<Delivery> {
  const { status, slice } = selection
  if (slice) return readSlice({ listIds, status, ...slice }, source, signal)
  const onListEnd = (result: ListResult) => onEvent?.({ type: "list", ...result })
  return scan({ listIds, status, marginS, onListEnd }, source, signal)
}

function* unlessEmpty(bytes: Uint8Array) {
  if (bytes.length > 0) yield bytes
}

function* piecesOf({ page, ranges }: Delivery) {
  for (const { start, end } of ranges) {
    const bytes = page.bytes(start, end)
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES)
  }
}
