import { freeBytes } from "../lib/free-bytes.ts"

/**
 * Frees each chunk of an answer once it was sent. Only for answers that Bun's server sends: it has copied what the socket
 * could not take yet when it asks for the next chunk, while whoever reads a `Response` himself may keep all of them.
 */
export async function* freeSent(chunks: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    yield chunk
    freeBytes(chunk)
  }
}
