import { constants, gunzipSync } from "node:zlib"
import { freeBytes } from "./free-bytes.ts"
import { gunzip } from "./gunzip.ts"
import { TooLarge } from "./too-large.ts"

/** The only coding that is asked for: Mailchimp knows it, and what came whole is inflated at once. */
export const acceptEncoding = "gzip"

/** Both are the same (RFC 9110, 8.4.1.3). */
const codings = ["gzip", "x-gzip"]

export type ReadBodyOptions = {
  /** The most bytes that the body may have, as it was sent and as it is inflated. */
  readonly mostBytes: number
  /** Resolves in a turn of the event loop that is nobody else's. At once if it is left out. */
  readonly nextTurn?: (() => Promise<void>) | undefined
  /**
   * Told once of the beginning of a body of which more than half a megabyte has arrived as it was sent, inflated. What it
   * throws aborts the reading.
   */
  readonly inspect?: ((head: Uint8Array) => void) | undefined
}

/** More than a usual page has, so that only large bodies are inspected, and little enough for ten at once. */
const INSPECTED_FROM = 2 ** 19
const HEAD_BYTES = 2 ** 17
const MOST_HEAD_BYTES = 2 ** 23
/** The body of a failure is a problem or a page of a proxy. Its status says enough if it is larger. */
const MOST_FAILURE_BYTES = 2 ** 20

/**
 * Reads a body whole that fetch left as it was sent (`decompress: false`), and inflates it in a turn of the event loop. Of
 * answers that arrive together only one is inflated, and worked on, at a time; the others wait in a sixth of the memory,
 * and the event loop is free between them.
 *
 * Every body is counted as it arrives and as it is inflated. Rejects with {@link TooLarge} as soon as it is known to exceed
 * `mostBytes`; the rest of it is not read. Rejects when the body was cut. One of a good answer must be in a coding that was
 * asked for, and sound; that of a failure is empty instead.
 */
export async function readBody(response: Response, options: ReadBodyOptions): Promise<Uint8Array> {
  const { nextTurn = async () => {}, inspect } = options
  const mostBytes = response.ok ? options.mostBytes : MOST_FAILURE_BYTES
  const coding = response.headers.get("content-encoding")?.toLowerCase() ?? "identity"
  try {
    const sent = await readSent(response, mostBytes, inspect && ((parts) => inspect(headOf(parts, coding))))
    await nextTurn()
    if (coding === "identity" || sent.length === 0) return sent
    try {
      if (!codings.includes(coding))
        throw new TypeError(`Cannot read a body in a coding that was not asked for: ${coding}`)
      return gunzip(sent, mostBytes)
    } catch (error) {
      // The status of a failure says enough, such as that a token was revoked, or that a proxy has throttled us.
      if (response.ok) throw error
      return new Uint8Array()
    } finally {
      freeBytes(sent)
    }
  } catch (error) {
    if (error instanceof TooLarge && !response.ok) return new Uint8Array()
    throw error
  }
}

/** The bytes as they were sent, and no more than `mostBytes` of them. */
async function readSent(
  response: Response,
  mostBytes: number,
  inspect: ((parts: readonly Uint8Array[]) => void) | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  if (response.body === null) return new Uint8Array()
  const announced = announcedLength(response.headers)
  if (announced !== undefined && announced > mostBytes) {
    await response.body.cancel()
    throw new TooLarge(announced, mostBytes)
  }
  // A body of a known length cannot be longer, and is read in one piece in two thirds of the time.
  if (announced !== undefined && (inspect === undefined || announced < INSPECTED_FROM))
    return new Uint8Array(await response.arrayBuffer())

  const parts: Uint8Array[] = []
  let length = 0
  let isInspected = inspect === undefined
  // A tenth faster than `for await`, which would cancel the body by itself.
  const reader = response.body.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return join(parts, length)
      parts.push(value)
      length += value.length
      if (length > mostBytes) throw new TooLarge(length, mostBytes)
      if (isInspected || length < INSPECTED_FROM) continue
      isInspected = true
      inspect?.(parts)
    }
  } catch (error) {
    // What it rejects with is why the reading failed, if it did.
    await reader.cancel().catch(() => {})
    throw error
  }
}

/** Content-Length means nothing beside Transfer-Encoding (RFC 9112, 6.3). */
function announcedLength(headers: Headers): number | undefined {
  const length = headers.get("content-length")
  if (length === null || headers.has("transfer-encoding") || !/^\d+$/.test(length)) return undefined
  return Number(length)
}

function join(parts: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(length)
  let end = 0
  for (const part of parts) {
    joined.set(part, end)
    end += part.length
    freeBytes(part)
  }
  return joined
}

/** The beginning of the body; empty if it cannot be inflated, or if it becomes so much that its end tells more. */
function headOf(parts: readonly Uint8Array[], coding: string): Uint8Array {
  const sent = Buffer.concat(parts).subarray(0, HEAD_BYTES)
  if (coding === "identity") return sent
  try {
    return gunzipSync(sent, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: MOST_HEAD_BYTES })
  } catch {
    return new Uint8Array()
  }
}
