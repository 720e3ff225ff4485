import { constants, crc32, createDeflateRaw } from "node:zlib"
import { chunkSize, type Compressor, createStreamCompressor } from "./compressor.ts"

/** Without a name, a time and a system (RFC 1952, 2.3). */
const HEADER = Buffer.from([0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 0xff])
const TRAILER_BYTES = 8

/**
 * Compresses a stream into one gzip member, because curl does not read a second one. Its blocks may come from several streams of
 * deflate, of which each flushes its blocks to a whole byte and refers to nothing before them. So while the client does not
 * read, there is none.
 */
export function createGzip(): Compressor {
  let crc = 0
  let length = 0
  let isBegun = false
  let deflate: ReturnType<typeof createDeflate> | undefined
  /** Adds the header to the first bytes, so that these are not a chunk of their own. */
  const begin = ([first = new Uint8Array(), ...pieces]: readonly Uint8Array[]) => {
    const begun = isBegun ? first : Buffer.concat([HEADER, first])
    isBegun = true
    return [begun, ...pieces]
  }
  const rest = () => {
    deflate?.close()
    deflate = undefined
  }
  return {
    add: async (chunk) => {
      crc = crc32(chunk, crc)
      length += chunk.length
      deflate ??= createDeflate()
      return begin(await deflate.add(chunk))
    },
    end: async () => {
      const trailer = Buffer.alloc(TRAILER_BYTES)
      trailer.writeUInt32LE(crc, 0)
      // The length modulo 2^32.
      trailer.writeUInt32LE(length >>> 0, TRAILER_BYTES / 2)
      deflate ??= createDeflate()
      return [...begin(await deflate.end()), trailer]
    },
    rest,
    close: rest,
  }
}

/** Level 1: higher levels cost a multiple for a few percent. */
function createDeflate() {
  return createStreamCompressor(createDeflateRaw({ chunkSize, flush: constants.Z_SYNC_FLUSH, level: 1 }))
}
