import { open, rm } from "node:fs/promises"
import { join } from "node:path"
import { translated } from "./disk-errors.ts"

const readBytes = 256 * 1024

/** Bytes on the local disk that wait to be sent. */
export type Draft = {
  append(bytes: Uint8Array): Promise<void>
  size(): number
  /** All bytes from the first. May be called again. A chunk is valid until the next one is requested. */
  read(): AsyncGenerator<Uint8Array>
  /** The bytes are gone afterwards. Never rejects, and may be called again. */
  close(): Promise<void>
}

/**
 * Begins a draft. Its file has no name, so nothing of it is left if the process is killed. In memory, the parts of ten jobs would
 * take ten times `JOB_PART_MB`.
 */
export async function openDraft(folder: string): Promise<Draft> {
  const path = join(folder, `mailchimp-export-${crypto.randomUUID()}`)
  const handle = await translated("write", async () => {
    const handle = await open(path, "wx+", 0o600)
    await rm(path)
    return handle
  })
  let size = 0
  return {
    append: (bytes) =>
      translated("write", async () => {
        for (let at = 0; at < bytes.length;) {
          const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, size)
          at += bytesWritten
          size += bytesWritten
        }
      }),
    size: () => size,
    read: async function* () {
      // One buffer for all chunks. Otherwise they fill the memory until a garbage collection: a whole part in a second.
      const chunk = new Uint8Array(readBytes)
      for (let at = 0; at < size;) {
        const { bytesRead } = await handle.read(chunk, 0, Math.min(readBytes, size - at), at)
        yield chunk.subarray(0, bytesRead)
        at += bytesRead
      }
    },
    close: () => handle.close().catch(() => {}),
  }
}
