import { constants, createGzip } from "node:zlib"
import type { Clock } from "../../lib/time.ts"

/** The pause before the connection breaks: a reset drops bytes that have not reached the client yet. */
const DELIVERY_MS = 50

/** Truncates the response after a share of its body. Bun resets the connection when a body throws: curl reports error 56. */
export async function truncateResponse(
  response: Response,
  keep: number,
  clock: Clock,
  onEnd: () => void,
): Promise<Response> {
  const bytes = await response.bytes()
  return streamed(
    response,
    async function* () {
      yield bytes.subarray(0, Math.max(1, Math.floor(bytes.length * keep)))
      await clock.sleep(DELIVERY_MS)
      throw new Error("Truncated by a fault of the sandbox")
    },
    onEnd,
  )
}

/** A response whose connection breaks before its headers are complete. */
export function resetResponse(): Response {
  const body = new ReadableStream({
    async pull(controller) {
      // Bun prints an error that is thrown before the response has begun, but no error of a later turn of the event loop.
      await new Promise((resolve) => setImmediate(resolve))
      controller.error(new Error("Reset by a fault of the sandbox"))
    },
  })
  return new Response(body)
}

/** Sends the body of the response in pieces, with a pause before each. */
export async function slowResponse(
  response: Response,
  { chunks, everyMs }: { chunks: number; everyMs: number },
  clock: Clock,
  signal: AbortSignal,
  onEnd: () => void,
): Promise<Response> {
  const bytes = await response.bytes()
  const size = Math.ceil(bytes.length / chunks)
  return streamed(
    response,
    async function* () {
      for (let start = 0; start < bytes.length; start += size) {
        await clock.sleep(everyMs, signal)
        yield bytes.subarray(start, start + size)
      }
    },
    onEnd,
  )
}

/** Sends one byte at once, because Bun completes the headers with it, and the other bytes one at a time. */
export async function trickleResponse(
  response: Response,
  { everyMs }: { everyMs: number },
  clock: Clock,
  signal: AbortSignal,
  onEnd: () => void,
): Promise<Response> {
  const bytes = await response.bytes()
  return streamed(
    response,
    async function* () {
      for (let at = 0; at < bytes.length; at += 1) {
        if (at > 0) await clock.sleep(everyMs, signal)
        yield bytes.subarray(at, at + 1)
      }
    },
    onEnd,
  )
}

/** Truncates the JSON of the response, in a body that HTTP considers complete. */
export async function endJsonEarly(response: Response, keep: number): Promise<Response> {
  const bytes = await response.bytes()
  return new Response(bytes.subarray(0, Math.floor(bytes.length * keep)), response)
}

type Bomb = { bytes: number; claims?: number | undefined; parts: number; plain: boolean; chunked: boolean }

/** A body of blanks, which JSON allows, that compresses to a thousandth of its size. */
export async function bombResponse({ bytes, claims, parts, plain, chunked }: Bomb): Promise<Response> {
  const headers = { "content-type": "application/json; charset=utf-8" }
  if (plain) return new Response(blanks(bytes), { headers })
  const part = await gzipBlanks(bytes)
  if (claims !== undefined) part.writeUInt32LE(claims, part.length - 4)
  const body = Buffer.concat(Array.from({ length: parts }, () => part))
  const pieces = async function* () {
    yield body
  }
  return new Response(chunked ? pieces() : body, { headers: { ...headers, "content-encoding": "gzip" } })
}

const PIECE = Buffer.alloc(65_536, " ")

async function* blanks(bytes: number): AsyncGenerator<Uint8Array> {
  for (let left = bytes; left > 0; left -= PIECE.length) yield PIECE.subarray(0, left)
}

/** Compresses piece by piece, because the inflated body may be larger than the memory. */
async function gzipBlanks(bytes: number): Promise<Buffer> {
  const gzip = createGzip({ level: constants.Z_BEST_COMPRESSION })
  const packed = Array.fromAsync<Buffer>(gzip)
  for await (const piece of blanks(bytes)) {
    if (!gzip.write(piece)) await new Promise((resolve) => gzip.once("drain", resolve))
  }
  gzip.end()
  return Buffer.concat(await packed)
}

function streamed(response: Response, pieces: () => AsyncGenerator<Uint8Array>, onEnd: () => void): Response {
  const body = async function* () {
    try {
      yield* pieces()
    } finally {
      onEnd()
    }
  }
  const headers = new Headers(response.headers)
  headers.delete("content-length")
  return new Response(body(), { status: response.status, headers })
}
