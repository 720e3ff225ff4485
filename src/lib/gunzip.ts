import { promisify } from "node:util"
import { gunzip as inflate } from "node:zlib"

const inflateWithin = promisify(inflate)

/** No byte of deflate becomes more, says zlib's technical description. */
const LARGEST_RATIO = 1032
/** How a part begins: the two bytes that tell gzip, and its only method (RFC 1952, 2.3.1). */
const PART_HEAD = Buffer.from([0x1f, 0x8b, 0x08])

/**
 * Inflates gzip (RFC 1952) that is there as a whole, by libdeflate: it takes two thirds of zlib's time and, as gzip ends
 * with its length, no more memory than what comes out. But it reads the first of several parts alone, and knows no
 * limit. So where there may be another part, or so many bytes that they could become more than `mostBytes`, zlib does it,
 * in a thread of its own.
 *
 * Rejects when the bytes are cut or damaged, and when they hold more than `mostBytes`. What follows the last part is
 * ignored where libdeflate does it, and damage to zlib.
 */
export async function gunzip(bytes: Uint8Array<ArrayBuffer>, mostBytes: number): Promise<Uint8Array> {
  const hasParts = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(PART_HEAD, 1)
  if (!hasParts && bytes.length * LARGEST_RATIO <= mostBytes)
    return Bun.gunzipSync(bytes, { library: "libdeflate" })
  return await inflateWithin(bytes, { maxOutputLength: mostBytes })
}
