import { createGzip } from "./gzip.ts"
import { type Clock, startTimer, systemClock } from "./time.ts"
import { createZstd } from "./zstd.ts"

/** A content coding (RFC 9110, 8.4.1). */
export type Coding = "zstd" | "gzip"

const compressors = { zstd: createZstd, gzip: createGzip } as const

/** A client that takes a chunk later than this has probably stopped reading. */
const STALLED_MS = 1000

/**
 * Compresses chunks, off the JavaScript thread. Each chunk is flushed, so that a client can decode all of it at once. The next
 * chunk is pulled after the consumer has taken the previous one, but `onCopied` is called before that, as soon as a chunk is
 * compressed. If `chunks` fails, the compressed stream lacks its end, which not every decoder of zstd notices: only the failure
 * of the transfer tells.
 */
export async function* compress(
  chunks: AsyncGenerator<Uint8Array>,
  coding: Coding,
  onCopied = () => {},
  clock: Clock = systemClock,
): AsyncGenerator<Uint8Array> {
  const compressor = compressors[coding]()
  try {
    for await (const chunk of chunks) {
      const pieces = await compressor.add(chunk)
      onCopied()
      using _stalled = startTimer(STALLED_MS, clock, compressor.rest)
      yield* pieces
    }
    yield* await compressor.end()
  } finally {
    compressor.close()
  }
}
