/**
 * Yields the complete lines of each chunk. Text after the last newline is dropped, because only a broken transfer has
 * any.
 */
export async function* readLines(body: ReadableStream<Uint8Array>): AsyncGenerator<string[]> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let rest = ""
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      const lines = (rest + decoder.decode(value, { stream: true })).split("\n")
      rest = lines.pop() ?? ""
      yield lines
    }
  } finally {
    // Also ends the request if the consumer stopped.
    await reader.cancel().catch(() => {})
  }
}
