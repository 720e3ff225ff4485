import { readFile, rm, writeFile } from "node:fs/promises"
import { CommandError } from "../command-error.ts"
import { codeOf, isMissing } from "./file-error.ts"

export type Processes = {
  /** The id of the process that runs the command. */
  readonly pid: number
  readonly isRunning: (pid: number) => boolean
}

/**
 * Keeps two runs from writing the same file. A lock of a process that was killed is taken over.
 *
 * @throws {CommandError} `tryLater` if another run writes the file
 */
export async function lock(path: string, { pid, isRunning }: Processes): Promise<AsyncDisposable> {
  for (;;) {
    try {
      await writeFile(path, String(pid), { flag: "wx", mode: 0o600 })
      return { [Symbol.asyncDispose]: () => rm(path, { force: true }) }
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error
    }
    const other = Number(await readLock(path))
    if (other > 0 && other !== pid && isRunning(other))
      throw new CommandError(
        "tryLater",
        `Another run, process ${other}, writes this file: wait until it has ended. If it has, remove ${path}`,
      )
    await rm(path, { force: true })
  }
}

async function readLock(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8")
  } catch (error) {
    if (isMissing(error)) return ""
    throw error
  }
}
