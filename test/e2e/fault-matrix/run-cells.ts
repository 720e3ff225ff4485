import { liveRowsOf } from "../../support/live-rows.ts"
import type { Fault, Play } from "./faults.ts"
import { type Form, forms } from "./forms.ts"
import type { CellAccount, MatrixService } from "./matrix-service.ts"
import type { Position } from "./positions.ts"
import { type Leg, readLeg } from "./read-leg.ts"

/** One fault, where it begins and how long it lasts, and how the export is read. */
export type Cell = {
  readonly fault: Fault
  readonly play: Play
  readonly position: Position
  readonly form: Form
  readonly coding: string
}

/** What happened in a cell; `difference` is that of all legs together from the members of the sandbox. */
export type CellResult = {
  readonly name: string
  readonly legs: readonly Pick<Leg, "outcome" | "requestId">[]
  readonly played: number
  readonly difference: { readonly missing: number; readonly foreign: number }
}

/** A response must begin within 30 s; then a request is retried for 30 s, and may take some more. */
const deadlineMs = 120_000
/** Of a fault that passes by itself. */
export const mostLegs = 8

/** Exports through a fault until the export is complete: resumes from a cursor if there is one, or begins anew. */
export async function runCell(
  service: MatrixService,
  account: CellAccount,
  cell: Cell,
  connected: Record<string, string>,
): Promise<CellResult> {
  const { fault, play, position, form, coding } = cell
  const begun = service.begin(account, fault, play, position)
  const legs: Leg[] = []
  const latest = new Map<string, string>()
  let headers = connected
  let cursor: string | undefined
  while (legs.at(-1)?.outcome !== "complete" && legs.length < mostLegs) {
    const path = `/export?${form.query}${cursor === undefined ? "" : `&cursor=${cursor}`}`
    const init = {
      headers: { ...headers, "accept-encoding": coding },
      signal: AbortSignal.timeout(deadlineMs),
    }
    const leg = await readLeg(await fetch(account.api + path, { ...init, decompress: false }), form)
    legs.push(leg)
    cursor = leg.cursor ?? cursor
    for (const { key, text } of leg.rows) latest.set(key, text)
    if (leg.outcome === "complete") break
    begun.end()
    if (fault.code === "connection_invalidated") headers = await service.connect(account)
    else if (play === "passing") await Bun.sleep(1000)
  }
  begun.end()
  return {
    name: nameOf(cell),
    legs: legs.map(({ outcome, requestId }) => ({ outcome, requestId })),
    played: begun.played(),
    difference: differenceFromTruth(latest, service, account, form),
  }
}

/** Whether a cell ended as its fault should: see {@link Play}. */
export function isAsExpected({ fault, play, position, form }: Cell, result: CellResult): boolean {
  const failure = position === "the first page" || form.hasEvents ? fault.code : "broken"
  const outcomes = result.legs.map(({ outcome }) => outcome)
  const failures = outcomes.slice(0, -1)
  const { missing, foreign } = result.difference
  if (missing + foreign > 0 || result.played === 0 || outcomes.at(-1) !== "complete") return false
  if (play === "once") return failures.length === 0
  if (play === "lasting") return failures.length === 1 && failures[0] === failure
  return failures.every((outcome) => outcome === fault.code || outcome === failure)
}

/** Every form and coding of an export through one fault. */
export function cellsOf(fault: Fault, play: Play, position: Position): readonly Cell[] {
  return forms.flatMap((form) =>
    ["identity", "gzip", "zstd"].map((coding) => ({ fault, play, position, form, coding })),
  )
}

export function nameOf({ fault, play, position, form, coding }: Cell): string {
  return `${fault.name}, ${play}, in ${position}, as ${form.name}, ${coding}`
}

/** How many members lack their latest row, and how many rows are of no member. */
export function differenceFromTruth(
  latest: ReadonlyMap<string, string>,
  { sandbox }: MatrixService,
  { listId }: CellAccount,
  form: Form,
) {
  const truth = liveRowsOf(sandbox, listId).map((row) => form.toRow(row))
  const missing = truth.filter(({ key, text }) => latest.get(key) !== text).length
  return { missing, foreign: latest.size + missing - truth.length }
}
