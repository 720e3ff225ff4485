import { type FileHandle, open } from "node:fs/promises"
import { writeSync } from "node:fs"
import { CommandError } from "../command-error.ts"
import { isMissing } from "./file-error.ts"

/** A file that grows, and can be cut back to a length at which it was whole. */
export type PartialFile = {
  /** How many bytes it has. */
  length(): number
  write(bytes: Uint8Array): void
  cutBack(length: number): Promise<void>
  /** Resolves when the bytes survive a crash of the machine. */
  sync(): Promise<void>
  close(): Promise<void>
}

/**
 * Opens the file with its first `length` bytes; what follows them is dropped.
 *
 * @throws {CommandError} if the file is shorter
 */
export async function openPartialFile(path: string, length: number): Promise<PartialFile> {
  const file = await open(path, length === 0 ? "w" : "r+").catch((error: unknown) => {
    if (length > 0 && isMissing(error)) throw cannotResume(`${path} is missing`)
    throw error
  })
  try {
    const { size } = await file.stat()
    if (size < length) throw cannotResume(`${path} has ${size} bytes instead of ${length}`)
    await file.truncate(length)
    return createPartialFile(file, length)
  } catch (error) {
    await file.close()
    throw error
  }
}

function cannotResume(reason: string): CommandError {
  const advice = "run the command without --resume, which starts anew"
  return new CommandError("failed", `Cannot resume because ${reason}: ${advice}`)
}

function createPartialFile(file: FileHandle, start: number): PartialFile {
  let length = start
  return {
    length: () => length,
    // Synchronous, because a write to the system's cache takes less time than a turn through the thread pool.
    write: (bytes) => {
      for (let written = 0; written < bytes.length;) {
        const count = writeSync(file.fd, bytes, written, bytes.length - written, length)
        written += count
        length += count
      }
    },
    cutBack: async (to) => {
      await file.truncate(to)
      length = to
    },
    sync: () => file.datasync(),
    close: () => file.close(),
  }
}
