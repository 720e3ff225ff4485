import { openSocket } from "./open-socket.ts"
import { type Read, readChunked } from "./read-chunked.ts"
import { toBody } from "./to-body.ts"

const headEnd = "\r\n\r\n"
const longestHead = 64 * 1024

/**
 * Sends a GET request over HTTP/1.1, and reads the response from its socket: `node:http` and Bun's `fetch` allocate memory for each
 * read and keep it for a while, which takes twice the CPU time and 30 MB. So each chunk of a successful response must be processed before
 * the next is read.
 */
export async function socketFetch(
  url: string,
  { headers, signal }: RequestInit,
  isBun: boolean,
): Promise<Response> {
  const target = new URL(url)
  const request = toRequest(target, new Headers(headers))
  const { read, close } = openSocket(target, { request, signal, isBun })
  try {
    const { status, headers, rest } = await readHead(read)
    const data = toData(headers, readFirst(rest, read))
    if (status === 200) return new Response(toBody(data, close), { headers })
    const response = new Response(await collect(data), { status, headers })
    close()
    return response
  } catch (error) {
    close()
    throw error
  }
}

function toRequest({ pathname, search, host }: URL, headers: Headers): string {
  const lines = [...headers].map(([name, value]) => `${name}: ${value}\r\n`).join("")
  return `GET ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\naccept-encoding: identity\r\n${lines}\r\n`
}

async function readHead(read: Read) {
  let bytes: Buffer = Buffer.alloc(0)
  while (bytes.length < longestHead) {
    const piece = await read()
    if (!piece) break
    bytes = Buffer.concat([bytes, piece])
    const end = bytes.indexOf(headEnd)
    if (end >= 0)
      return { ...parseHead(bytes.toString("latin1", 0, end)), rest: bytes.subarray(end + headEnd.length) }
  }
  throw new Error("The response has no head")
}

function parseHead(text: string): { readonly status: number; readonly headers: Headers } {
  const [statusLine = "", ...lines] = text.split("\r\n")
  const [, status] = /^HTTP\/1\.1 (\d{3})/.exec(statusLine) ?? []
  if (status === undefined) throw new Error("The response is not of HTTP/1.1")
  const headers = new Headers()
  for (const line of lines) {
    const colon = line.indexOf(":")
    headers.append(line.slice(0, colon), line.slice(colon + 1).trim())
  }
  return { status: Number(status), headers }
}

/** Begins with what arrived together with the head. */
function readFirst(rest: Buffer, read: Read): Read {
  let first: Buffer | undefined = rest
  return () => {
    if (!first) return read()
    const piece = first
    first = undefined
    return Promise.resolve(piece)
  }
}

function toData(headers: Headers, read: Read): AsyncGenerator<Buffer> {
  if (headers.get("transfer-encoding")?.toLowerCase() === "chunked") return readChunked(read)
  return readExactly(Number(headers.get("content-length") ?? Infinity), read)
}

/** @param length infinite if the body lasts until the connection is closed */
async function* readExactly(length: number, read: Read): AsyncGenerator<Buffer> {
  for (let left = length; left > 0;) {
    const piece = await read()
    if (!piece) {
      if (left === Infinity) return
      throw new Error("The response ended early")
    }
    left -= piece.length
    yield piece
  }
}

/** All as text, because a chunk is valid until the next is read. */
async function collect(chunks: AsyncIterable<Buffer>): Promise<string> {
  const decoder = new TextDecoder()
  let text = ""
  for await (const chunk of chunks) text += decoder.decode(chunk, { stream: true })
  return text
}
