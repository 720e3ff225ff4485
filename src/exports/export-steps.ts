import type { EventLine } from "./event-lines.ts"
import type { Format, PartEncoder, PartFormat } from "./formats/format.ts"

/** What an export produces, for a program: the bytes of rows, and between them events as values instead of lines. */
export type ExportStep = { readonly bytes: Uint8Array } | { readonly event: EventLine }

/** A chunk without content. The export yields it where an event line would be, so that the event arrives at once. */
const wakeUp = Uint8Array.of(0)
const nothing = new Uint8Array()

/** Events of the beginning arrive together with the next chunk, because an export joins its first lines into one chunk. */
const isOfBeginning = ({ $export: kind }: EventLine) => kind === "start" || kind === "deleted"

/**
 * Runs an export with events. A checkpoint arrives when all rows before it have arrived, and their last row is ended. As
 * bytes are valid only until the next step is requested, the caller must have used them until then.
 *
 * @param start begins the export in the given format, with events
 */
export async function* exportSteps(
  format: PartFormat,
  start: (format: Format) => Promise<AsyncGenerator<Uint8Array>>,
): AsyncGenerator<ExportStep> {
  const queue: ExportStep[] = []
  const bytes = await start({
    ...format,
    hasEvents: true,
    hasParts: true,
    createEncoder: (input) => withoutLines(format.createEncoder(input), (step) => queue.push(step)),
  })
  for await (const chunk of bytes) {
    yield* queue.splice(0)
    if (chunk !== wakeUp) yield { bytes: chunk }
  }
}

function withoutLines(encoder: PartEncoder, push: (step: ExportStep) => void) {
  const pushBytes = (bytes: Uint8Array) => {
    if (bytes.length > 0) push({ bytes })
  }
  return {
    ...encoder,
    line: (event: EventLine) => {
      if (event.$export === "start") pushBytes(encoder.start())
      pushBytes(event.$export === "end" ? encoder.end() : encoder.endRow())
      push({ event })
      return isOfBeginning(event) ? nothing : wakeUp
    },
  }
}
