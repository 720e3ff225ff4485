import { constants, createZstdCompress } from "node:zlib"
import { chunkSize, type Compressor, createStreamCompressor } from "./compressor.ts"

/** Level 1: higher levels cost a multiple for a few percent. A window of 128 KB halves the memory. */
const params = { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_windowLog]: 17 }

/** Compresses a stream into one frame, because a decoder may stop after the first. So it cannot rest. */
export function createZstd(): Compressor {
  const stream = createZstdCompress({ chunkSize, flush: constants.ZSTD_e_flush, params })
  return { ...createStreamCompressor(stream), rest: () => {} }
}
