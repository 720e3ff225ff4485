/** As much as a browser gives at once, and more. */
const bufferBytes = 256 * 1024

/**
 * Yields a body as it arrives, each time in the same memory: a page that reads a large export needs no more of it. The bytes are
 * valid until the next ones are requested.
 */
export async function* readBytes(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const { read, cancel } = openReader(body)
  try {
    for (;;) {
      const bytes = await read()
      if (bytes === undefined) return
      yield bytes
    }
  } finally {
    // Also ends the request if the consumer stopped.
    await cancel().catch(() => {})
  }
}

function openReader(body: ReadableStream<Uint8Array>) {
  try {
    const reader = body.getReader({ mode: "byob" })
    let buffer = new ArrayBuffer(bufferBytes)
    return {
      cancel: () => reader.cancel(),
      read: async () => {
        const { done, value } = await reader.read(new Uint8Array(buffer))
        if (done) return undefined
        ;({ buffer } = value)
        return value
      },
    }
  } catch {
    // Older browsers cannot read into memory that is given to them.
    const reader = body.getReader()
    return {
      cancel: () => reader.cancel(),
      read: async () => {
        const { value } = await reader.read()
        return value && new Uint8Array(value)
      },
    }
  }
}
