import { open } from "node:fs/promises"
import type { Clock } from "../../lib/time.ts"
import { CommandError } from "../command-error.ts"
import { isMissing } from "./file-error.ts"
import type { FollowOutput } from "./follow.ts"
import { openPartialFile, type PartialFile } from "./partial-file.ts"
import { readState, writeState } from "./state-file.ts"

const saveEveryMs = 1000
const newline = 10

/** The cursor that a whole file, and the changes that were appended to it, end with. Undefined if `--resume` has none. */
export async function findFollowed(out: string, selection: string): Promise<string | undefined> {
  const { last, unfinished } = await readState(`${out}.state`)
  if (unfinished || last?.bytes === undefined) return undefined
  if (last.selection === selection) return last.cursor
  throw new CommandError(
    "usage",
    `Cannot follow because ${out} belongs to an export with other options: repeat its --list, --fields, --status and --include, or choose another --out`,
  )
}

/**
 * Opens a whole file in order to append changes. If a crash has left half a line, it is dropped; whole lines stay, because
 * another program may have read them.
 */
export async function openFollowedFile(out: string, clock: Clock): Promise<FollowOutput> {
  const path = `${out}.state`
  const { last } = await readState(path)
  if (last?.bytes === undefined) throw new Error("The state has no whole file")
  const file = await openPartialFile(out, await wholeLength(out, last.bytes))
  return createFollowedFile(file, last, path, clock)
}

function createFollowedFile(
  file: PartialFile,
  { selection, cursor: first }: { readonly selection: string; readonly cursor: string },
  path: string,
  clock: Clock,
): FollowOutput {
  let last = { selection, cursor: first, bytes: file.length() }
  let savedAtMs = Number.NEGATIVE_INFINITY
  const save = async () => {
    await file.sync()
    await writeState(path, { last })
    savedAtMs = clock.monotonicMs()
  }
  return {
    write: async (bytes) => {
      const before = file.length()
      try {
        file.write(bytes)
      } catch (error) {
        await file.cutBack(before)
        throw error
      }
    },
    checkpoint: async (cursor) => {
      last = { selection, cursor, bytes: file.length() }
      if (clock.monotonicMs() - savedAtMs >= saveEveryMs) await save()
    },
    close: async () => {
      try {
        await save()
      } finally {
        await file.close()
      }
    },
  }
}

/** The length without half a line, which can only be after the first `covered` bytes. */
async function wholeLength(path: string, covered: number): Promise<number> {
  const file = await open(path).catch((error: unknown) => {
    if (!isMissing(error)) throw error
    throw new CommandError(
      "failed",
      `Cannot continue because ${path} is missing: run the command without --resume, which starts anew`,
    )
  })
  try {
    let whole = covered
    let at = covered
    for (;;) {
      const { buffer, bytesRead } = await file.read({ position: at })
      if (bytesRead === 0) return whole
      const end = buffer.subarray(0, bytesRead).lastIndexOf(newline) + 1
      if (end > 0) whole = at + end
      at += bytesRead
    }
  } finally {
    await file.close()
  }
}
