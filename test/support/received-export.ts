import type { EventLine } from "../../src/exports/event-lines.ts"
import { readLines } from "./event-lines.ts"

/** What a consumer has received of an export when it is over, however it ended. */
export type ReceivedExport = {
  readonly status: number
  /** The text of a response that is not an export. */
  readonly problem: string
  /** The members, each as its line. */
  readonly rows: readonly string[]
  /** The event lines, and the event lines of one kind. */
  readonly events: readonly EventLine[]
  ofKind<K extends EventLine["$export"]>(kind: K): Extract<EventLine, { $export: K }>[]
  /** Whether the transfer broke, so that even the simplest client knows that something is missing. */
  readonly isBroken: boolean
}

/** Reads an export in NDJSON, with or without events. */
export async function receiveExport(response: Response): Promise<ReceivedExport> {
  const rows: string[] = []
  const events: EventLine[] = []
  let isBroken = false
  if (response.ok) {
    try {
      for await (const line of readLines(response)) {
        if ("row" in line) rows.push(line.row)
        else events.push(line.event)
      }
    } catch (error) {
      if (!isBrokenTransfer(error)) throw error
      isBroken = true
    }
  }
  return {
    status: response.status,
    problem: response.ok ? "" : await response.text(),
    rows,
    events,
    ofKind: <K extends EventLine["$export"]>(kind: K) =>
      events.filter((event): event is Extract<EventLine, { $export: K }> => event.$export === kind),
    isBroken,
  }
}

function isBrokenTransfer(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ECONNRESET"
}
