import type { Transform } from "node:stream"

/** Compresses one stream, off the JavaScript thread. */
export type Compressor = {
  /** Returns all that a client needs to decode the chunk, in pieces. */
  add(chunk: Uint8Array): Promise<readonly Uint8Array[]>
  end(): Promise<readonly Uint8Array[]>
  /** Frees what memory it can while the client does not read. The next chunk takes a little longer. */
  rest(): void
  close(): void
}

/** A smaller piece takes more turns for a page, and a larger piece more memory while a client does not read. */
export const chunkSize = 65_536

/** @param stream flushes each chunk */
export function createStreamCompressor(stream: Transform): Omit<Compressor, "rest"> {
  const compressed: Uint8Array[] = []
  stream.on("data", (bytes: Uint8Array) => compressed.push(bytes))
  // The callback of a write reports an error as well; without a listener it would be thrown as uncaught.
  stream.on("error", () => {})
  return {
    add: async (chunk) => {
      await new Promise<void>((resolve, reject) => {
        stream.write(chunk, (error) => (error ? reject(error) : resolve()))
      })
      return compressed.splice(0)
    },
    end: async () => {
      const { promise: ended, resolve, reject } = Promise.withResolvers<void>()
      stream.once("end", resolve).once("error", reject).end()
      await ended
      return compressed
    },
    // Frees the memory of the library, which the garbage collector does not see.
    close: () => void stream.destroy(),
  }
}
