import type { EventLine } from "../../client/types.ts"

const newline = 10
/** No row begins like this. */
const eventStart = Buffer.from('{"$export":')
const eventAfterRow = Buffer.from('\n{"$export":')

/**
 * Yields the event lines of an export, parsed, and the rows between them as the bytes of whole lines. Bytes after the last
 * newline are dropped, because only a broken transfer has any.
 */
export async function* readRowBytes(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<(Uint8Array | EventLine)[]> {
  const reader = body.getReader()
  let rest: Buffer = Buffer.alloc(0)
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      const chunk =
        rest.length === 0
          ? Buffer.from(value.buffer, value.byteOffset, value.length)
          : Buffer.concat([rest, value])
      const end = chunk.lastIndexOf(newline) + 1
      rest = chunk.subarray(end)
      if (end > 0) yield [...split(chunk.subarray(0, end))]
    }
  } finally {
    // Also ends the request if the consumer stopped.
    await reader.cancel().catch(() => {})
  }
}

/** Divides whole lines into event lines and the rows between them. */
function* split(lines: Buffer): Generator<Uint8Array | EventLine> {
  for (let start = 0, end = 0; start < lines.length; start = end) {
    if (lines[start] === newline) {
      end = start + 1
    } else if (lines.subarray(start, start + eventStart.length).equals(eventStart)) {
      end = lines.indexOf(newline, start) + 1
      const line: EventLine = JSON.parse(lines.toString("utf8", start, end))
      yield line
    } else {
      const next = lines.indexOf(eventAfterRow, start)
      end = next === -1 ? lines.length : next + 1
      yield lines.subarray(start, end)
    }
  }
}

/** The last of some rows, as text. */
export function lastRow(rows: Uint8Array): string {
  const bytes = Buffer.from(rows.buffer, rows.byteOffset, rows.length)
  return bytes.toString("utf8", bytes.lastIndexOf(newline, bytes.length - 2) + 1)
}

export function countRows(rows: Uint8Array): number {
  let count = 0
  for (let at = rows.indexOf(newline); at !== -1; at = rows.indexOf(newline, at + 1)) count += 1
  return count
}
