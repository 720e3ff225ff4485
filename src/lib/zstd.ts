import { constants, createZstdCompress } from "node:zlib"
import { chunkSize, type Compressor, createStreamCompressor } from "./compressor.ts"

/** Level 1: higher levels cost a multiple for a few percent. A window of 128 KB halves the memory. */
const params = { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_windowLog]: 17 }

/** An empty last block, which ends a frame without a checksum (RFC 8878, 3.1.1.2). */
const FRAME_END = Buffer.from([0x01, 0, 0])

/**
 * Compresses a stream into one frame, and into one more after each rest. The frame before a rest ends in the same piece in which the
 * next begins, because httpx expects nothing after the piece in which a frame ends.
 */
export function createZstd(): Compressor {
  let frame: ReturnType<typeof createFrame> | undefined
  let isUnended = false
  const begin = ([first = new Uint8Array(), ...pieces]: readonly Uint8Array[]) => {
    const begun = isUnended ? Buffer.concat([FRAME_END, first]) : first
    isUnended = false
    return [begun, ...pieces]
  }
  return {
    add: async (chunk) => {
      frame ??= createFrame()
      return begin(await frame.add(chunk))
    },
    end: async () => {
      if (isUnended) return [FRAME_END]
      frame ??= createFrame()
      return frame.end()
    },
    rest: () => {
      if (!frame) return
      frame.close()
      frame = undefined
      isUnended = true
    },
    close: () => frame?.close(),
  }
}

function createFrame() {
  return createStreamCompressor(createZstdCompress({ chunkSize, flush: constants.ZSTD_e_flush, params }))
}
