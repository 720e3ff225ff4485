import type { LentChunk } from "../lib/lent-chunk.ts"
import { anySignal, type Clock, systemClock, within } from "../lib/time.ts"
import { breakDelayMs } from "./break-delay.ts"
import { createEventWriter } from "./event-writer.ts"
import type { StreamEnd } from "./export-event.ts"
import type { EncoderInput, Format } from "./formats/format.ts"
import { createPageOutput } from "./page-output.ts"
import { readExport, type ReadOptions } from "./read-export.ts"
import { shortLists } from "./short-lists.ts"
import { createPlainWriter } from "./writer.ts"

export type ExportOptions = ReadOptions & {
  /** Must have event lines if the options have `events`. */
  readonly format: Format
  /** The parameters of the format, and what it may have to read of the lists. */
  readonly encoderInput: Pick<EncoderInput, "options" | "readers">
  /** Aborts when the consumer has left, even before it took the first byte. */
  readonly signal: AbortSignal
  /** Aborts with an error as its reason, which then fails the export like any other error. */
  readonly shutdownSignal?: AbortSignal | undefined
  /**
   * Given if the consumer has copied a chunk before it pulls the next one, as Bun's server does, or tells when it has: then a
   * page's memory is released. Otherwise the consumer may keep the chunks.
   */
  readonly lent?: LentChunk | undefined
  /** Called when the first byte is requested. A generator that never starts never ends either. */
  readonly onStart?: () => void
  /** Called when the generator ends, however it ends. */
  readonly onEnd?: (end: StreamEnd) => void
  readonly clock?: Clock
}

/** How long the response waits for what the format has to read, so that a failure can still get an HTTP status of its own. */
const READY_WITHIN_MS = 2000

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
  const { signal, format, lent, onEvent = () => {}, clock = systemClock } = options
  const { onStart, onEnd } = options
  const reading = startReading(signal, options.shutdownSignal)
  const { pages, lines, results } = readExport(options, reading.signal, clock)
  const first = pages.next()
  // After the request for the first page, because the response cannot begin without that page.
  const writer = createWriter()
  try {
    await Promise.all([first, writer.ready && within(writer.ready, READY_WITHIN_MS, clock)])
  } catch (error) {
    // Requests for the first pages of other lists may be in flight.
    reading.stop()
    throw error
  }
  return run()

  function createWriter() {
    const { lists, selection, encoderInput } = options
    const named = lists.map(({ id, name = "" }) => ({ id, name }))
    const input = { ...encoderInput, lists: named, selection, signal: reading.signal }
    return lines && format.hasEvents
      ? createEventWriter(format.createEncoder(input), lines, clock)
      : createPlainWriter(format.createEncoder(input), results)
  }

  async function* run() {
    const output = createPageOutput(writer, { lent, onEvent, clock })
    let outcome: StreamEnd | undefined
    onStart?.()
    try {
      yield* output.bytes(first, pages)
      outcome = { type: "completed", ...output.written(), shortLists: shortLists(results) }
    } catch (error) {
      if (signal.aborted) throw error
      outcome = { type: "failed", ...output.written(), error }
      const lastBytes = await writer.failed(error)
      if (lastBytes.length > 0) yield lastBytes
      await clock.sleep(breakDelayMs, signal)
      throw error
    } finally {
      reading.stop()
      await pages.return(undefined)
      onEnd?.(outcome ?? { type: "left", ...output.written() })
    }
  }
}

/** A signal for all requests of an export. It aborts with one of the given signals, or when the export is stopped. */
function startReading(...given: readonly (AbortSignal | undefined)[]) {
  const stopped = new AbortController()
  const { signal } = anySignal(...given.filter((signal) => signal !== undefined), stopped.signal)
  return { signal, stop: () => stopped.abort() }
}
