import type { Writable } from "node:stream"
import type { Output } from "./terminal.ts"

type Stream = Writable & Pick<NodeJS.WriteStream, "isTTY" | "columns">

/** A write resolves when the stream takes more, and rejects with the signal's reason if it never will. */
export function toOutput(stream: Stream, signal?: AbortSignal): Output {
  return {
    get isTTY() {
      return stream.isTTY
    },
    get columns() {
      return stream.columns
    },
    write: (data) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(signal.reason)
          return
        }
        // The stream may keep the bytes for longer than their buffer has them.
        if (stream.write(typeof data === "string" ? data : Buffer.from(data))) {
          resolve()
          return
        }
        const settle = () => {
          stream.off("drain", settle)
          signal?.removeEventListener("abort", settle)
          if (signal?.aborted) reject(signal.reason)
          else resolve()
        }
        stream.once("drain", settle)
        signal?.addEventListener("abort", settle, { once: true })
      }),
  }
}
