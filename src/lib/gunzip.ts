import { gunzipSync } from "node:zlib"
import { TooLarge } from "./too-large.ts"

/** No byte of deflate becomes more, says zlib's technical description. */
const LARGEST_RATIO = 1032
/** How a part begins: the two bytes that tell gzip, and its only method (RFC 1952, 2.3.1). */
const PART_HEAD = Buffer.from([0x1f, 0x8b, 0x08])
/** The shortest gzip there is: a header, an empty block, a checksum and a length. */
const SHORTEST = 20
/**
 * Bun gives libdeflate more memory as long as there is more output, so a length that lies may cost so many limits. Usual
 * pages of members, 250 KB of gzip under a limit of 8 MB, need a little less.
 */
const MOST_LIMITS = 32
const SMALLEST_CHUNK = 65_536

/**
 * Inflates gzip (RFC 1952) that is there as a whole, at once. Gzip ends with its length (ISIZE), so a body that says that
 * it holds more than `mostBytes` is refused before anything is inflated.
 *
 * Libdeflate takes three quarters of zlib's time, but it reads the first of several parts alone and knows no limit. If
 * there may be another part, or if the bytes could become more than 32 times `mostBytes`, zlib inflates them. Zlib blocks
 * the event loop for a millisecond a megabyte. In threads, ten pages of 4 MB at once took 50 MB more and no less time.
 *
 * @throws {TooLarge} when the bytes hold more than `mostBytes`; an error of the library when they are cut or damaged. What
 * follows the last part is ignored by libdeflate, and damage to zlib.
 */
export function gunzip(bytes: Uint8Array<ArrayBuffer>, mostBytes: number): Uint8Array {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const claimed = bytes.length < SHORTEST ? 0 : view.readUInt32LE(bytes.length - 4)
  const hasParts = view.includes(PART_HEAD, 1)
  // After padding, or in what is no gzip at all, the last four bytes are no length.
  const isPossible = claimed <= bytes.length * LARGEST_RATIO
  if (isPossible && claimed > mostBytes) throw new TooLarge(claimed, mostBytes)
  if (isPossible && !hasParts && bytes.length * LARGEST_RATIO <= mostBytes * MOST_LIMITS) {
    const inflated = Bun.gunzipSync(bytes, { library: "libdeflate" })
    if (inflated.length > mostBytes) throw new TooLarge(inflated.length, mostBytes)
    return inflated
  }
  try {
    // One chunk of the right size need not be copied.
    const chunkSize = Math.max(SMALLEST_CHUNK, Math.min(claimed, mostBytes))
    return gunzipSync(bytes, { maxOutputLength: mostBytes, chunkSize })
  } catch (error) {
    throw isOverLimit(error) ? new TooLarge(mostBytes + 1, mostBytes) : error
  }
}

function isOverLimit(error: unknown): boolean {
  return error instanceof RangeError && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE"
}
