import type { Clock } from "../lib/time.ts"
import type { EventLines } from "./create-event-lines.ts"
import type { EventEncoder } from "./formats/format.ts"
import type { Writer } from "./writer.ts"

/** A cursor of many lists is as long as several rows, so a checkpoint is written after this many rows or this time. */
const CHECKPOINT_ROWS = 1000
const CHECKPOINT_MS = 1000

const nothing = new Uint8Array()

/** Writes the members with event lines between them. */
export function createEventWriter(
  { ready, rows, line }: EventEncoder,
  lines: EventLines,
  clock: Clock,
): Writer {
  let last = { rows: 0, ms: 0 }
  const isCheckpointDue = (rows: number) =>
    (last.rows === 0 && rows > 0) ||
    rows - last.rows >= CHECKPOINT_ROWS ||
    clock.monotonicMs() - last.ms >= CHECKPOINT_MS
  return {
    ready,
    start: () => {
      last = { rows: 0, ms: clock.monotonicMs() }
      return Buffer.concat(lines.start().map(line))
    },
    members: rows,
    pageEnd: async (rows) => {
      if (!isCheckpointDue(rows)) return nothing
      last = { rows, ms: clock.monotonicMs() }
      return line(await lines.checkpoint(rows))
    },
    notice: (notice) => line(lines.notice(notice)),
    keepAlive: (rows) => line(lines.progress(rows)),
    failed: async (error) => line(await lines.error(error)),
    end: async (rows) => line(await lines.end(rows)),
  }
}
