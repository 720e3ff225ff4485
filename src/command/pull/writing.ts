import { CommandError } from "../command-error.ts"
import { codeOf } from "./file-error.ts"

const advice: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full: make room, then run the command again with --resume",
  EDQUOT: "the quota of the disk is used up: make room, then run the command again with --resume",
  EACCES: "this user may not write there: choose another --out",
  EPERM: "this user may not write there: choose another --out",
  EROFS: "the disk is read-only: choose another --out",
  ENOENT: "its folder does not exist: create it",
  ENOTDIR: "its folder is not a folder: choose another --out",
  EISDIR: "it is a folder: choose another --out",
}

/** Runs what writes a file, and says in its failure what to do. */
export async function writing<T>(out: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (cause) {
    const reason = advice[codeOf(cause) ?? ""]
    if (reason === undefined) throw cause
    throw new CommandError("failed", `Cannot write ${out} because ${reason}`, { cause })
  }
}
