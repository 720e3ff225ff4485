import { existsSync } from "node:fs"
import { rename, rm } from "node:fs/promises"
import { join, parse } from "node:path"
import type { Clock } from "../../lib/time.ts"
import { CommandError } from "../command-error.ts"
import { isMissing } from "./file-error.ts"
import { openPartialFile, type PartialFile } from "./partial-file.ts"
import type { Position, Sink } from "./sink.ts"
import { readState, type State, type Unfinished, writeState } from "./state-file.ts"

export type FileOptions = {
  /** The name of the file. */
  readonly out: string
  /** Identifies what the file contains: see {@link selectionKey}. */
  readonly selection: string
  readonly header: string
  /** Continues with an export that has not ended, if there is one. */
  readonly isResumed: boolean
  /** A job of the service exports, and this command downloads its parts. */
  readonly isBackground: boolean
  /** Writes what changed since the last export into a file of its own; everything if there was none. */
  readonly isIncrement: boolean
}

/** A lost second of work costs less than a state file a page. */
const saveEveryMs = 1000

/** Writes to a partial file, which gets its name when the export has proved to be complete. */
export async function openFileSink(
  options: FileOptions,
  clock: Clock,
  onNote: (sentence: string) => void,
): Promise<Sink> {
  const { out, header } = options
  const paths = { out, partial: `${out}.partial`, state: `${out}.state` }
  const { last, unfinished } = await readFinishedState(options, paths)
  const start = choose(options, { last, unfinished }, clock)
  const isResumed = start === unfinished
  // What the state says of the partial file is no longer true.
  if (unfinished && !isResumed) {
    onNote(`Starting anew: an earlier export to ${out} has not ended, and --resume would have continued it`)
    await writeState(paths.state, { last })
  }
  const partial = await openPartialFile(paths.partial, isResumed ? start.bytes : 0)
  try {
    if (!isResumed) partial.write(Buffer.from(header))
  } catch (error) {
    await partial.close()
    throw error
  }
  return createFileSink({
    paths,
    start: isResumed ? start : { ...start, bytes: partial.length() },
    last,
    partial,
    clock,
  })
}

type Paths = { readonly out: string; readonly partial: string; readonly state: string }

/** Reads the state, and renames the partial file if an earlier run was killed just before that. */
async function readFinishedState({ isResumed, isIncrement }: FileOptions, paths: Paths): Promise<State> {
  const state = await readState(paths.state).catch((error: unknown) => {
    // A new export needs no state.
    if (error instanceof CommandError && !isResumed && !isIncrement) return {}
    throw error
  })
  return finish(state, paths)
}

async function finish(state: State, { out, partial, state: path }: Paths): Promise<State> {
  const { unfinished } = state
  if (!unfinished?.isComplete || unfinished.cursor === undefined) return state
  await rename(partial, unfinished.target).catch((error: unknown) => {
    if (!isMissing(error)) throw error
  })
  const { selection, cursor, target, bytes } = unfinished
  const finished = { last: { selection, cursor, bytes: target === out ? bytes : undefined } }
  await writeState(path, finished)
  return finished
}

function choose(options: FileOptions, { last, unfinished }: State, clock: Clock): Unfinished {
  const { out, selection, header, isResumed, isIncrement, isBackground } = options
  if (isResumed && unfinished) {
    requireSame("resume", unfinished.selection === selection, out)
    if ((unfinished.job !== undefined) !== isBackground)
      throw new CommandError(
        "usage",
        `Cannot resume because a ${isBackground ? "stream" : "job"} exports to ${out}: ${isBackground ? "leave out" : "add"} --background`,
      )
    if (unfinished.header !== header)
      throw new CommandError(
        "failed",
        "Cannot resume because the columns have changed: run the command without --resume, which starts anew",
      )
    return unfinished
  }
  const begin = { selection, header, bytes: 0, rows: 0 }
  if (!isIncrement || !last) return { ...begin, target: out }
  requireSame("export what changed since the last export", last.selection === selection, out)
  return { ...begin, cursor: last.cursor, target: incrementName(out, clock.now()) }
}

function requireSame(what: string, isSame: boolean, out: string): void {
  if (!isSame)
    throw new CommandError(
      "usage",
      `Cannot ${what} because ${out} belongs to an export with other options: repeat its --list, --fields, --status, --include, --formulas and --since DATE, or choose another --out`,
    )
}

/** `contacts.csv` becomes `contacts-20261127T140211Z.csv`. A name that is taken is never used again. */
function incrementName(out: string, nowMs: number): string {
  const { dir, name, ext } = parse(out)
  const time = new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, "")
  const path = join(dir, `${name}-${time}${ext}`)
  return existsSync(path) ? incrementName(out, nowMs + 1000) : path
}

function createFileSink({
  paths,
  start,
  last,
  partial,
  clock,
}: {
  readonly paths: Paths
  readonly start: Unfinished
  readonly last: State["last"]
  readonly partial: PartialFile
  readonly clock: Clock
}): Sink {
  let unfinished = start
  let savedAtMs = Number.NEGATIVE_INFINITY

  const save = async () => {
    // The state must not promise bytes that a crash of the machine would lose.
    await partial.sync()
    await writeState(paths.state, { last, unfinished })
    savedAtMs = clock.monotonicMs()
  }

  return {
    position: start,
    rows: start.rows,
    isIncrement: start.target !== paths.out,
    write: async (bytes) => partial.write(bytes),
    checkpoint: async (position, rows) => {
      unfinished = { ...unfinished, ...position, rows, bytes: partial.length() }
      // A job has few checkpoints, and its id must not be lost.
      if (position.job || clock.monotonicMs() - savedAtMs >= saveEveryMs) await save()
    },
    rewind: () => partial.cutBack(unfinished.bytes),
    complete: async (cursor) => {
      unfinished = { ...unfinished, cursor, bytes: partial.length(), isComplete: true }
      await save()
      await partial.close()
      await finish({ last, unfinished }, paths)
      return unfinished.target
    },
    abandon: async ({ isOver } = { isOver: false }) => {
      try {
        await partial.cutBack(unfinished.bytes)
        if (isOver) await writeState(paths.state, { last })
        else if (isStarted(unfinished)) await save()
      } finally {
        await partial.close()
        if (!isStarted(unfinished)) await rm(paths.partial, { force: true })
      }
    },
  }
}

function isStarted({ cursor, job }: Position): boolean {
  return cursor !== undefined || job !== undefined
}
