import { connect, type OnReadOpts } from "node:net"
import type { Read } from "./read-chunked.ts"

/** The service sends something every ten seconds. */
export const silenceMs = 60_000
const bufferBytes = 512 * 1024

export type SocketOptions = {
  readonly request: string
  readonly signal: AbortSignal | null | undefined
  readonly isBun: boolean
}

/** Sends a request, and reads what arrives: each piece is valid until the next is read. Reading after a failure rejects. */
export function openSocket(
  { hostname, port }: URL,
  { request, signal, isBun }: SocketOptions,
): { readonly read: Read; close(): void } {
  let received: Buffer | undefined
  let failure: Error | undefined
  let isClosed = false
  let settle: (() => void) | undefined

  const receive = (piece: Buffer) => {
    received = piece
    settle?.()
  }
  const socket = connect({
    // Without the brackets of an IPv6 address.
    host: hostname.replaceAll(/[[\]]/g, ""),
    port: Number(port || 80),
    ...(!isBun && { onread: readIntoOneBuffer(receive) }),
  })
  if (isBun)
    socket.on("data", (piece) => {
      // Nothing more until the next read.
      socket.pause()
      if (typeof piece !== "string") receive(piece)
    })
  const abort = () => socket.destroy(new Error("The request was aborted"))
  signal?.addEventListener("abort", abort, { once: true })
  socket.on("timeout", () => socket.destroy(new Error("The service sends nothing")))
  socket.on("error", (error) => {
    failure = error
  })
  socket.on("close", () => {
    signal?.removeEventListener("abort", abort)
    isClosed = true
    settle?.()
  })
  socket.write(request)

  return {
    read: () =>
      new Promise((resolve, reject) => {
        if (isBun && received) release(received)
        received = undefined
        settle = () => {
          if (!received && !isClosed) return
          // The consumer may take its time.
          socket.setTimeout(0)
          if (received || !failure) resolve(received)
          else reject(failure)
        }
        socket.setTimeout(silenceMs)
        socket.resume()
        settle?.()
      }),
    close: () => void socket.destroy(),
  }
}

/** For Node: Bun's `onread` copies each piece from a buffer that is garbage then. */
function readIntoOneBuffer(receive: (piece: Buffer) => void): OnReadOpts {
  return {
    buffer: Buffer.allocUnsafeSlow(bufferBytes),
    callback: (length, { buffer, byteOffset }) => {
      receive(Buffer.from(buffer, byteOffset, length))
      // Nothing more until the next read.
      return false
    },
  }
}

/** Frees a piece in Bun, which allocates each, even with `onread`, and otherwise keeps 20 MB of them until it collects garbage. */
function release({ buffer, length }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0)
}
