import type { EventLine } from "./event-lines.ts"
import type { ListColumns } from "./formats/csv/list-columns.ts"
import type { EncoderInput, Format, PartEncoder, PartFormat } from "./formats/format.ts"

/**
 * What an export produces, for a program: the bytes of rows, and between them events as values instead of lines. `columns` come
 * before the first bytes, if the format has any that are not known from the request.
 */
export type ExportStep =
  | { readonly bytes: Uint8Array }
  | { readonly event: EventLine }
  | { readonly columns: readonly ListColumns[] }

/** A chunk without content. The export yields it where an event line would be, so that the event arrives at once. */
const wakeUp = Uint8Array.of(0)
const nothing = new Uint8Array()

/** Events of the beginning arrive together with the next chunk, because an export joins its first lines into one chunk. */
const isOfBeginning = ({ $export: kind }: EventLine) => kind === "start" || kind === "deleted"

/**
 * Runs an export with events. A checkpoint arrives when all rows before it have arrived, and their last row is ended. As
 * bytes are valid only until the next step is requested, the caller must have used them until then.
 *
 * Throws if the format fails, without an `error` event: its cursor would cover the rows that could not be written.
 *
 * @param start begins the export in the given format, with events
 */
export async function* exportSteps(
  format: PartFormat,
  start: (format: Format) => Promise<AsyncGenerator<Uint8Array>>,
  continues?: EncoderInput["continues"],
): AsyncGenerator<ExportStep> {
  const queue: ExportStep[] = []
  const bytes = await start({
    ...format,
    hasEvents: true,
    hasParts: true,
    createEncoder: (input) =>
      withoutLines(format.createEncoder({ ...input, continues }), (step) => queue.push(step)),
  })
  for await (const chunk of bytes) {
    yield* queue.splice(0)
    if (chunk !== wakeUp) yield { bytes: chunk }
  }
}

function withoutLines(encoder: PartEncoder, push: (step: ExportStep) => void) {
  let hasFailed = false
  const failed = (error: unknown) => {
    hasFailed = true
    throw error
  }
  const pushBytes = (bytes: Uint8Array) => {
    if (bytes.length > 0) push({ bytes })
  }
  const pushStart = () => {
    const columns = encoder.columns?.()
    if (columns !== undefined) push({ columns })
    pushBytes(encoder.start())
  }
  return {
    ...encoder,
    ready: encoder.ready?.catch(failed),
    rows: (bytes: Uint8Array) => {
      try {
        return encoder.rows(bytes)
      } catch (error) {
        return failed(error)
      }
    },
    line: (event: EventLine) => {
      if (hasFailed) return nothing
      if (event.$export === "start") pushStart()
      pushBytes(event.$export === "end" ? encoder.end() : encoder.endRow())
      push({ event })
      return isOfBeginning(event) ? nothing : wakeUp
    },
  }
}
