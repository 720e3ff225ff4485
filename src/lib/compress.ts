import { constants, createGzip, createZstdCompress } from "node:zlib"

/** A content coding (RFC 9110, 8.4.1). */
export type Coding = "zstd" | "gzip"

/** A smaller chunk takes more turns for a page, and a larger chunk more memory while a client does not read. */
const chunkSize = 65_536

/** Level 1 of both: higher levels cost a multiple for a few percent. A zstd window of 128 KB halves its memory. */
const createStreams = {
  zstd: () =>
    createZstdCompress({
      chunkSize,
      flush: constants.ZSTD_e_flush,
      params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_windowLog]: 17 },
    }),
  gzip: () => createGzip({ chunkSize, flush: constants.Z_SYNC_FLUSH, level: 1 }),
} as const

/**
 * Compresses chunks, off the JavaScript thread. Each chunk is flushed, so that a client can decode all of it at once. The next
 * chunk is pulled after the consumer has taken the previous one, but `onCopied` is called before that, as soon as a chunk is
 * compressed. If `chunks` fails, the
 * compressed stream lacks its end, which not every decoder of zstd notices: only the failure of the transfer tells.
 */
export async function* compress(
  chunks: AsyncGenerator<Uint8Array>,
  coding: Coding,
  onCopied = () => {},
): AsyncGenerator<Uint8Array> {
  const stream = createStreams[coding]()
  const compressed: Uint8Array[] = []
  stream.on("data", (bytes: Uint8Array) => compressed.push(bytes))
  // The callback of a write reports an error as well; without a listener it would be thrown as uncaught.
  stream.on("error", () => {})
  try {
    for await (const chunk of chunks) {
      await new Promise<void>((resolve, reject) => {
        stream.write(chunk, (error) => (error ? reject(error) : resolve()))
      })
      onCopied()
      yield* compressed.splice(0)
    }
    const { promise: ended, resolve, reject } = Promise.withResolvers<void>()
    stream.once("end", resolve).once("error", reject).end()
    await ended
    yield* compressed
  } finally {
    // Frees the memory of the library, which the garbage collector does not see.
    stream.destroy()
  }
}
