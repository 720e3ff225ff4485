import { type EventLine, eventLineSchema } from "../../src/exports/event-lines.ts"

/** A line of an export with events: a member, as its text, or an event. */
export type ExportLine = { readonly row: string } | { readonly event: EventLine }

/** Reads an export with events line by line until it ends; a broken transfer throws. */
export async function* readLines(response: Response): AsyncGenerator<ExportLine> {
  const decoder = new TextDecoder()
  let rest = ""
  for await (const chunk of response.body ?? []) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) if (line.trim() !== "") yield parseLine(line)
  }
  if (rest.trim() !== "") yield parseLine(rest)
}

function parseLine(line: string): ExportLine {
  return line.startsWith('{"$export":') ? { event: parseEventLine(line) } : { row: line }
}

/** Throws if the line is not as the schema describes it, or has a field that the schema does not describe. */
export function parseEventLine(line: string): EventLine {
  const value: unknown = JSON.parse(line)
  const event = eventLineSchema.parse(value)
  if (!Bun.deepEquals(event, value)) throw new Error(`The schema lacks a field of the event line ${line}`)
  return event
}
