import { connect } from "node:net"
import type { Read } from "./read-chunked.ts"

/** The service sends something every ten seconds. */
export const silenceMs = 60_000
const bufferBytes = 512 * 1024

/** Sends a request, and reads what arrives into one buffer: each piece is valid until the next is read. Reading after a failure rejects. */
export function openSocket(
  { hostname, port }: URL,
  request: string,
  signal: AbortSignal | null | undefined,
): { readonly read: Read; close(): void } {
  let received: Buffer | undefined
  let failure: Error | undefined
  let isClosed = false
  let settle: (() => void) | undefined

  const socket = connect({
    // Without the brackets of an IPv6 address.
    host: hostname.replaceAll(/[[\]]/g, ""),
    port: Number(port || 80),
    onread: {
      buffer: Buffer.allocUnsafeSlow(bufferBytes),
      callback: (length, { buffer, byteOffset }) => {
        received = Buffer.from(buffer, byteOffset, length)
        settle?.()
        // Nothing more until the next read.
        return false
      },
    },
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
