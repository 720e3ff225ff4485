/** What arrives next; undefined at the end. */
export type Read = () => Promise<Buffer | undefined>

const newline = 10

/**
 * Yields the data of a body whose `Transfer-Encoding` is chunked (RFC 9112, 7.1), as views of what arrives.
 *
 * @throws {Error} if there is no last chunk, or something else than a chunk
 */
export async function* readChunked(read: Read): AsyncGenerator<Buffer> {
  /** How much of the chunk has not arrived. */
  let left = 0
  /** The line between two chunks, as far as it has arrived. */
  let line = ""
  for (;;) {
    const piece = await read()
    if (!piece) throw new Error("The response ended before its last chunk")
    for (let at = 0, end = 0; at < piece.length; at = end) {
      if (left > 0) {
        end = Math.min(at + left, piece.length)
        left -= end - at
        yield piece.subarray(at, end)
        continue
      }
      const lineEnd = piece.indexOf(newline, at) + 1
      end = lineEnd || piece.length
      line += piece.toString("latin1", at, end)
      if (lineEnd === 0) continue
      const size = toSize(line)
      line = ""
      if (size === 0) return
      left = size ?? 0
    }
  }
}

/** Undefined for the line end after the data of a chunk. */
function toSize(line: string): number | undefined {
  const text = line.trim()
  if (text === "") return undefined
  if (!/^[\da-f]{1,8}(\s*;|$)/i.test(text)) throw new Error("The response has something else than a chunk")
  return Number.parseInt(text, 16)
}
