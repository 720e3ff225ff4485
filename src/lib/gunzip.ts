import { gunzipSync } from "node:zlib"
import { TooLarge } from "./too-large.ts"

/** Deflate's highest compression ratio, according to zlib's technical description. */
const LARGEST_RATIO = 1032
/** How a gzip member begins: the two magic bytes, and the only compression method (RFC 1952, 2.3.1). */
const MEMBER_HEAD = Buffer.from([0x1f, 0x8b, 0x08])
/** The shortest possible gzip: a header, an empty block, a checksum and a length. */
const SHORTEST = 20
/**
 * Bun allocates more memory for libdeflate as long as there is more output, so a false length may cost this many times the
 * limit. Usual pages of members (250 KB of gzip, a limit of 8 MB) stay just below.
 */
const MAX_LIMITS = 32
const SMALLEST_CHUNK = 65_536

/**
 * Inflates a complete gzip body (RFC 1952) synchronously. Gzip ends with its length (ISIZE), so a body that claims more than
 * `maxBytes` is refused before anything is inflated.
 *
 * Libdeflate takes three quarters of zlib's time, but it reads only the first of several gzip members and has no output
 * limit. If there may be a second member, or if the output could exceed 32 times `maxBytes`, zlib inflates the body. Zlib
 * blocks the event loop for a millisecond per megabyte. In threads, ten concurrent pages of 4 MB took 50 MB more memory and
 * no less time.
 *
 * @throws {TooLarge} if the output exceeds `maxBytes`; an error of the library if the body is truncated or damaged. Bytes
 * after the last member are ignored by libdeflate; zlib treats them as damage.
 */
export function gunzip(bytes: Uint8Array<ArrayBuffer>, maxBytes: number): Uint8Array {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const claimed = bytes.length < SHORTEST ? 0 : view.readUInt32LE(bytes.length - 4)
  const mayHaveSecondMember = view.includes(MEMBER_HEAD, 1)
  // The last four bytes are not a length if padding follows the gzip, or if the body is not gzip at all.
  const isPossible = claimed <= bytes.length * LARGEST_RATIO
  if (isPossible && claimed > maxBytes) throw new TooLarge(claimed, maxBytes)
  if (isPossible && !mayHaveSecondMember && bytes.length * LARGEST_RATIO <= maxBytes * MAX_LIMITS) {
    const inflated = Bun.gunzipSync(bytes, { library: "libdeflate" })
    if (inflated.length > maxBytes) throw new TooLarge(inflated.length, maxBytes)
    return inflated
  }
  try {
    // A single chunk of the right size saves a copy.
    const chunkSize = Math.max(SMALLEST_CHUNK, Math.min(claimed, maxBytes))
    return gunzipSync(bytes, { maxOutputLength: maxBytes, chunkSize })
  } catch (error) {
    throw isOverLimit(error) ? new TooLarge(maxBytes + 1, maxBytes) : error
  }
}

function isOverLimit(error: unknown): boolean {
  return error instanceof RangeError && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE"
}
