import { stat } from "node:fs/promises"
import { CommandError } from "../command-error.ts"
import { codeOf } from "./file-error.ts"
import { lock, type Processes } from "./lock.ts"

const anotherOut = "choose another --out"
const isFolderReason = `it is a folder: ${anotherOut}`

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full: make room, then run the command again with --resume",
  EDQUOT: "the quota of the disk is used up: make room, then run the command again with --resume",
  EACCES: `this user may not write there: ${anotherOut}`,
  EPERM: `this user may not write there: ${anotherOut}`,
  EROFS: `the disk is read-only: ${anotherOut}`,
  ENOENT: "its folder does not exist: create it",
  ENOTDIR: `its folder is not a folder: ${anotherOut}`,
  EISDIR: isFolderReason,
}

/**
 * Runs what writes a file, while no other run does.
 *
 * @throws {CommandError} a failure to write says what to do; `tryLater` if another run writes the file
 */
export async function withLockedFile<T>(
  out: string,
  processes: Processes,
  write: () => Promise<T>,
): Promise<T> {
  // The file gets its name at the end, and hours of work should not fail then.
  if (await isFolder(out)) throw cannotWrite(out, isFolderReason)
  try {
    await using _lock = await lock(`${out}.lock`, processes)
    return await write()
  } catch (cause) {
    const reason = reasons[codeOf(cause) ?? ""]
    if (reason === undefined) throw cause
    throw cannotWrite(out, reason, cause)
  }
}

function cannotWrite(out: string, reason: string, cause?: unknown): CommandError {
  return new CommandError("failed", `Cannot write ${out} because ${reason}`, { cause })
}

async function isFolder(path: string): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined)
  return stats?.isDirectory() ?? false
}
