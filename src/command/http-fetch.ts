import { pipeline, type Readable } from "node:stream"
import { createGunzip } from "node:zlib"

/** The fetch of this runtime. */
export function fetchFor(bunVersion: string | undefined) {
  return bunVersion === undefined ? httpFetch : bunFetch
}

/** The service sends something every ten seconds. */
const silenceMs = 60_000
const gunzipChunkBytes = 256 * 1024

/**
 * Node's own `fetch` buffers a compressed response without a limit, so a million members take 350 MB and 25 times the CPU time.
 * Redirects are not followed.
 */
async function httpFetch(
  url: string,
  { method = "GET", headers, signal, body }: RequestInit,
): Promise<Response> {
  // Loaded only now, so that `--help` stays quick.
  const { request } = url.startsWith("https:") ? await import("node:https") : await import("node:http")
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      {
        method,
        headers: { ...Object.fromEntries(new Headers(headers)), "accept-encoding": codingFor(url) },
        ...(signal && { signal }),
      },
      (incoming) => {
        const isCompressed = incoming.headers["content-encoding"] === "gzip"
        // The error of a broken transfer reaches the reader of the body.
        const bytes = isCompressed
          ? pipeline(incoming, createGunzip({ chunkSize: gunzipChunkBytes }), () => {})
          : incoming
        const { statusCode: status = 200 } = incoming
        resolve(new Response(toBody(bytes), { status, headers: toHeaders(incoming.headersDistinct) }))
      },
    )
    sent.setTimeout(silenceMs, () => sent.destroy(new Error("The service sends nothing")))
    sent.on("error", reject)
    sent.end(typeof body === "string" ? body : undefined)
  })
}

/** Bun's own `fetch` decodes a response without buffering all of it. */
function bunFetch(url: string, init: RequestInit): Promise<Response> {
  const headers = new Headers(init.headers)
  headers.set("accept-encoding", codingFor(url))
  return fetch(url, { ...init, headers })
}

/** Compression saves nothing on the way to the same machine, and takes more CPU time than all the rest. */
function codingFor(url: string): "gzip" | "identity" {
  const { hostname } = new URL(url)
  return /^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname) ? "identity" : "gzip"
}

/** Reads only as fast as the body is read. */
function toBody(bytes: Readable): ReadableStream<Uint8Array> {
  const chunks: AsyncIterator<Uint8Array> = bytes[Symbol.asyncIterator]()
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const { done, value } = await chunks.next()
        if (done) controller.close()
        else controller.enqueue(value)
      },
      cancel: () => void bytes.destroy(),
    },
    { highWaterMark: 0 },
  )
}

function toHeaders(distinct: NodeJS.Dict<string[]>): Headers {
  const headers = new Headers()
  for (const [name, values = []] of Object.entries(distinct))
    for (const value of values) headers.append(name, value)
  return headers
}
