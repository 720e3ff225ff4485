import { open, readFile, rename } from "node:fs/promises"
import { CommandError } from "../command-error.ts"
import { isMissing } from "./file-error.ts"
import type { JobPosition, Position } from "./sink.ts"

/** What is remembered beside a file, so that a later run continues from there. */
export type State = {
  /** The export that ended last, from which the next increment starts. */
  readonly last?: Last | undefined
  /** The export that has not ended. */
  readonly unfinished?: Unfinished | undefined
}

type Last = {
  readonly selection: string
  readonly cursor: string
  /** The length of the file that has everything up to the cursor. Missing after an increment, which is in another file. */
  readonly bytes?: number | undefined
}

/** Its position covers the first `bytes` bytes of the partial file. */
export type Unfinished = Position & {
  readonly selection: string
  readonly bytes: number
  readonly rows: number
  /** The header of the partial file, because its columns must not change. */
  readonly header: string
  /** The name that the partial file gets. */
  readonly target: string
  /** The partial file is complete, and only its name is left to change. */
  readonly isComplete?: boolean | undefined
}

/** @throws {CommandError} if the file is damaged */
export async function readState(path: string): Promise<State> {
  try {
    const state: unknown = JSON.parse(await readFile(path, "utf8"))
    if (isState(state)) return state
  } catch (cause) {
    if (isMissing(cause)) return {}
    if (!(cause instanceof SyntaxError)) throw cause
  }
  throw new CommandError(
    "failed",
    `Cannot continue because ${path} is damaged: run the command without --resume and --since last, which starts anew`,
  )
}

/** Replaces the file at once: after a crash it has the old state or the new one. */
export async function writeState(path: string, state: State): Promise<void> {
  const temporary = `${path}.new`
  const file = await open(temporary, "w", 0o600)
  try {
    await file.writeFile(`${JSON.stringify(state)}\n`)
    await file.datasync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
}

function isState(value: unknown): value is State {
  if (!isRecord(value)) return false
  const { last, unfinished } = value
  return (last === undefined || isLast(last)) && (unfinished === undefined || isUnfinished(unfinished))
}

function isLast(value: unknown): boolean {
  return isRecord(value) && areTexts(value["selection"], value["cursor"]) && isCount(value["bytes"] ?? 0)
}

function isUnfinished(value: unknown): boolean {
  if (!isRecord(value)) return false
  const { selection, cursor, job, bytes, rows, header, target } = value
  return areTexts(selection, header, target, cursor ?? "") && isJob(job) && isCount(bytes) && isCount(rows)
}

function isJob(value: unknown): value is JobPosition | undefined {
  if (value === undefined) return true
  return isRecord(value) && areTexts(value["key"], value["id"] ?? "", value["after"] ?? "")
}

function areTexts(...values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === "string")
}

function isCount(value: unknown): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null
}
