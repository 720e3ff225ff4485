import { pipeline } from "node:stream"
import { createGunzip } from "node:zlib"
import { isThisMachine } from "../../lib/this-machine.ts"
import { silenceMs } from "./open-socket.ts"
import { socketFetch } from "./socket-fetch.ts"
import { toBody } from "./to-body.ts"

/** The fetch of this runtime. An export from the same machine is faster than both can read. */
export function fetchFor(bunVersion: string | undefined) {
  const isBun = bunVersion !== undefined
  const runtimeFetch = isBun ? bunFetch : httpFetch
  return (url: string, init: RequestInit) =>
    url.startsWith("http:") && isThisMachine(url) && isExport(init)
      ? socketFetch(url, init, isBun)
      : runtimeFetch(url, init)
}

function isExport({ headers }: RequestInit): boolean {
  return new Headers(headers).get("accept") === "application/x-ndjson"
}

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
        const body = toBody(bytes[Symbol.asyncIterator](), () => void bytes.destroy())
        resolve(new Response(body, { status, headers: toHeaders(incoming.headersDistinct) }))
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
  return isThisMachine(url) ? "identity" : "gzip"
}

function toHeaders(distinct: NodeJS.Dict<string[]>): Headers {
  const headers = new Headers()
  for (const [name, values = []] of Object.entries(distinct))
    for (const value of values) headers.append(name, value)
  return headers
}
