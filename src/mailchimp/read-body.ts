import { freeBytes } from "../lib/free-bytes.ts"
import { gunzip } from "../lib/gunzip.ts"

/** The only coding that is asked for: Mailchimp knows it, and what came whole is inflated at once. */
export const acceptEncoding = "gzip"

/** Both are the same (RFC 9110, 8.4.1.3). */
const codings = ["gzip", "x-gzip"]

/** A page is one to four megabytes. So much more that none ever reaches it, and less than a small machine has. */
const MOST_BYTES = 256 * 2 ** 20

/**
 * Reads a body whole that fetch left as it was sent, and inflates it in a turn of the event loop. Of answers that arrive
 * together only one is inflated, and worked on, at a time; the others wait in a sixth of the memory, and the event loop
 * is free between them.
 *
 * Rejects when the body was cut. One of a good answer must be in a coding that was asked for, and sound; that of a failure
 * is empty instead.
 */
export async function readBody(response: Response, nextTurn: () => Promise<void>): Promise<Uint8Array> {
  const sent = new Uint8Array(await response.arrayBuffer())
  await nextTurn()
  const coding = response.headers.get("content-encoding")?.toLowerCase() ?? "identity"
  if (coding === "identity" || sent.length === 0) return sent
  try {
    if (!codings.includes(coding))
      throw new TypeError(`Cannot read a body in a coding that was not asked for: ${coding}`)
    return await gunzip(sent, MOST_BYTES)
  } catch (error) {
    // The status of a failure says enough, such as that a token was revoked, or that a proxy has throttled us.
    if (response.ok) throw error
    return new Uint8Array()
  } finally {
    freeBytes(sent)
  }
}
