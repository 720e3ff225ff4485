import type { EventLine } from "../exports/event-lines.ts"
import type { EncoderInput, Format } from "../exports/formats/format.ts"

/**
 * A format that also remembers the cursor of the end line. If the export continues from a cursor, its lines have that cursor: a
 * consumer that resumed after it would miss the deletions that were delivered meanwhile, which only the tail writes.
 */
export function createEndCursor(format: Format, from: string | undefined) {
  let end: string | undefined
  const remember = (event: EventLine) => {
    if (event.$export === "end") end = event.cursor
  }
  return {
    format: format.hasEvents
      ? {
          ...format,
          createEncoder: (input: EncoderInput) => {
            const encoder = format.createEncoder(input)
            return {
              ...encoder,
              line: (event: EventLine) => {
                remember(event)
                const hasOther = from !== undefined && "cursor" in event
                return encoder.line(hasOther ? { ...event, cursor: from } : event)
              },
            }
          },
        }
      : format,
    /** Starts the export that follows. Call after the end of the export. */
    cursor: (): string => {
      if (end === undefined) throw new Error("Cannot follow because the export has ended without a cursor")
      return end
    },
  }
}
