import type { EventLine } from "../../client/types.ts"

/** Rows that came one after the other, as the bytes of whole lines. */
export type Rows = { readonly bytes: Buffer; readonly count: number }

const newline = 10
/** An event line begins with `{"$export":`, and no member has a name that begins with a dollar sign. */
const dollar = 36

/**
 * Yields the event lines of an export, parsed, and the rows between them. Bytes after the last newline are dropped, because only
 * a broken transfer has any. Only the line that two chunks share is copied: rows must be processed before the next ones are requested.
 */
export async function* readRowBytes(body: ReadableStream<Uint8Array>): AsyncGenerator<Rows | EventLine> {
  const reader = body.getReader()
  let rest: Buffer = Buffer.alloc(0)
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      let chunk = Buffer.from(value.buffer, value.byteOffset, value.length)
      if (rest.length > 0) {
        const firstEnd = chunk.indexOf(newline) + 1
        const head = Buffer.concat([rest, chunk.subarray(0, firstEnd || chunk.length)])
        chunk = chunk.subarray(firstEnd || chunk.length)
        if (firstEnd === 0) {
          rest = head
          continue
        }
        yield* split(head)
      }
      const end = chunk.lastIndexOf(newline) + 1
      // A copy, because the next read may use the same buffer.
      rest = Buffer.from(chunk.subarray(end))
      yield* split(chunk.subarray(0, end))
    }
  } finally {
    // Also ends the request if the consumer stopped.
    await reader.cancel().catch(() => {})
  }
}

/** Divides whole lines into event lines and the rows between them. */
function* split(lines: Buffer): Generator<Rows | EventLine> {
  let start = 0
  let count = 0
  for (let at = 0, end = 0; at < lines.length; at = end) {
    end = lines.indexOf(newline, at) + 1
    const isEmpty = end === at + 1
    if (!isEmpty && lines[at + 2] !== dollar) {
      count += 1
      continue
    }
    if (count > 0) yield { bytes: lines.subarray(start, at), count }
    start = end
    count = 0
    if (isEmpty) continue
    const line: EventLine = JSON.parse(lines.toString("utf8", at, end))
    yield line
  }
  if (count > 0) yield { bytes: lines.subarray(start), count }
}

/** A copy of the last of some rows. */
export function lastRow({ bytes }: Rows): Buffer {
  return Buffer.from(bytes.subarray(bytes.lastIndexOf(newline, bytes.length - 2) + 1))
}
