import { createGzip } from "node:zlib"
import type { JobRequest, Part } from "../job.ts"
import type { NewFile } from "./part-files.ts"

/** A part that is being written. */
export type OpenPart = {
  /** The bytes are not used any more when it resolves. */
  write(bytes: Uint8Array): Promise<void>
  /** How many bytes were stored so far. */
  storedBytes(): number
  /** Makes the part durable. */
  close(): Promise<Pick<Part, "bytes" | "sha256">>
  /** Removes what was written. Never rejects. */
  discard(): Promise<void>
}

/** Compresses what is written, and counts and hashes what is stored. A part is a whole gzip file of its own. */
export function openPart(file: NewFile, compression: JobRequest["compression"]): OpenPart {
  const hash = new Bun.CryptoHasher("sha256")
  let stored = 0
  const store = async (bytes: Uint8Array) => {
    await file.write(bytes)
    hash.update(bytes)
    stored += bytes.length
  }
  const compressed = compression === "gzip" ? gzipTo(store) : { write: store, end: async () => {} }
  return {
    write: compressed.write,
    storedBytes: () => stored,
    close: async () => {
      await compressed.end()
      await file.finish()
      return { bytes: stored, sha256: hash.digest("hex") }
    },
    discard: async () => {
      await compressed.end().catch(() => {})
      await file.discard()
    },
  }
}

/** Compresses off the JavaScript thread. Level 1 takes a third of the default level's time. */
function gzipTo(store: (bytes: Uint8Array) => Promise<void>) {
  const gzip = createGzip({ level: 1 })
  const storing = (async () => {
    for await (const chunk of gzip) await store(chunk)
  })()
  // If storing fails, the stream is destroyed, and a write that waits may never be called back.
  const failed = storing.then(() => new Promise<never>(() => {}))
  failed.catch(() => {})
  return {
    write: (bytes: Uint8Array) => {
      const written = new Promise<void>((resolve, reject) => {
        gzip.write(bytes, (error) => (error ? reject(error) : resolve()))
      })
      return Promise.race([failed, written])
    },
    end: async () => {
      gzip.end()
      await storing
    },
  }
}
