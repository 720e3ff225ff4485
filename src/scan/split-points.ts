import { AppError } from "../errors.ts"
import { type EarlyRow, createEarlyRows } from "./early-rows.ts"
import type { Expected, MembersQuery, Page, Second, Source } from "./source.ts"
import type { Rest, WindowReading } from "./window.ts"

/** A reading that may be cut. */
export type Splittable = { readonly reading: WindowReading }

/** A question for the single row at a quantile of what a reading has left: its second is where to cut. */
export type Probe<T extends Splittable> = { readonly task: T; readonly query: MembersQuery }

export type SplitPoints<T extends Splittable> = {
  /** The first page of a whole list is requested: without what is expected of it nothing is requested beside it. */
  begin(reading: object, query: MembersQuery, expected: Expected | undefined): void
  /** What to ask with so many requests to spare, to cut the longest of the readings; nothing where none is worth it. */
  probes(tasks: readonly T[], spare: number): Probe<T>[]
  /** Where to cut now that a probe has found this second. Before the first page that is nowhere yet. */
  found(probe: Probe<T>, second: Second | undefined): Second | undefined
  /** A page has come. If it is the first of a list: where to cut by what was requested beside it, or what to ask instead. */
  received(
    reading: object,
    page: Page,
    spare: number,
  ): { readonly seconds: readonly Second[]; readonly probes: readonly Probe<T>[] }
  /** Requests the row. Undefined if that fails, because all can be read without the cut. */
  read(probe: Probe<T>, source: Source, signal: AbortSignal): Promise<Page | undefined>
}

/** What lies between two cuts, made or asked for, in rows before the end of a reading. */
type Piece<T> = { readonly task: T; readonly start: number; readonly end: number; readonly pageRows: number }

/**
 * Finds out where to cut readings, so that they can be read side by side. The longest piece is cut into equal ones, but
 * none shorter than a page: that would cost more requests, not only one for the question.
 *
 * If it is known about how many rows a list has, its first such questions are asked beside its first page. Should the
 * count of that page show that they are not where the list is to be cut, they are asked again, as if nothing had been known.
 */
export function createSplitPoints<T extends Splittable>(): SplitPoints<T> {
  /** Where a reading was asked to be cut, in rows before its end: as long as it has this end, the cuts are to come. */
  const splitsRequested = new WeakMap<
    T,
    { readonly until: Second | undefined; readonly splits: readonly number[] }
  >()
  const early = createEarlyRows<Probe<T>>()

  return {
    begin: early.begin,
    probes,
    found: early.found,
    received: (reading, page, spare) => {
      const requested = early.end(reading)
      const [task] = requested.map(({ probe }) => probe.task)
      // Before members with a date those without one are read, and they are not split.
      if (!task || !Number.isFinite(task.reading.position().since)) return NOTHING
      const rows = requested.filter(({ offset }) => offset < page.totalItems)
      const pending = requested.filter(({ isAnswered }) => !isAnswered).length
      // The permits of those that are of no use come back all at once, or each would be used for a cut of its own.
      if (!areNear(rows, page, spare + pending))
        return pending === 0 ? NOTHING : { seconds: [], probes: probes([task], spare + pending) }
      for (const row of rows) row.isUsed = true
      splitsRequested.set(task, {
        until: task.reading.until(),
        splits: rows.map((row) => page.totalItems - row.offset),
      })
      return { seconds: rows.flatMap(({ second }) => second ?? []), probes: [] }
    },
    read: (probe, source, signal) =>
      source.read(probe.query, signal).catch((error: unknown) => {
        // Requests of the first page tell the same of a list that may not be read.
        const isPassing = error instanceof AppError && (error.retryable || early.has(probe))
        if (isPassing && !signal.aborted) return undefined
        throw error
      }),
  }

  function probes(tasks: readonly T[], spare: number): Probe<T>[] {
    const piece = tasks.flatMap(piecesOf).toSorted((a, b) => pagesOf(b) - pagesOf(a))[0]
    const rest = piece && restOf(piece.task)
    if (!piece || !rest) return []
    const { task } = piece
    const isEarly = !task.reading.rest()
    const splits = isEarly ? filledPositionsIn(piece, spare) : positionsIn(piece, spare)
    const requests = splits.map((split) => probeOf(task, rest, split))
    if (isEarly) early.request(task, requests)
    else splitsRequested.set(task, { until: task.reading.until(), splits: [...splitsOf(task), ...splits] })
    return requests
  }

  function splitsOf(task: T): readonly number[] {
    const before = splitsRequested.get(task)
    return before && before.until === task.reading.until() ? before.splits : []
  }

  function restOf(task: T): Rest | undefined {
    return task.reading.rest() ?? early.rest(task)
  }

  /** The pieces of a reading; the page under way, which it reads meanwhile, is in none of them. */
  function piecesOf(task: T): Piece<T>[] {
    const rest = restOf(task)
    if (!rest) return []
    const { rows, pageRows } = rest
    const ends = splitsOf(task).filter((split) => split < rows - pageRows)
    const starts = [rows - pageRows, ...ends.toSorted((a, b) => b - a)]
    return starts.map((start, index) => ({ task, start, end: starts[index + 1] ?? 0, pageRows }))
  }
}

/**
 * Whether cuts at these rows save a round of requests. Otherwise the cuts are requested now, while another page is read:
 * that takes a round, and then as many as the pieces have pages.
 */
function areNear(rows: readonly Pick<EarlyRow<unknown>, "offset">[], page: Page, spare: number): boolean {
  const { totalItems, length, count: pageRows } = page
  const positions = [length, ...rows.map(({ offset }) => offset), totalItems]
  const longest = Math.max(...positions.slice(1).map((position, index) => position - (positions[index] ?? 0)))
  const start = totalItems - length - pageRows
  const parts = positionsIn({ start, end: 0, pageRows }, spare).length + 1
  return parts > 1 && Math.ceil(longest / pageRows) <= Math.ceil(start / parts / pageRows) + 1
}

const NOTHING = { seconds: [], probes: [] }

/** Where to cut a piece with so many requests, in rows before the end of the reading. */
function positionsIn(piece: Omit<Piece<unknown>, "task">, requests: number): number[] {
  const { start, end } = piece
  const parts = Math.max(1, Math.min(requests + 1, Math.ceil(pagesOf(piece))))
  return Array.from({ length: parts - 1 }, (_, index) =>
    Math.round(start - ((start - end) * (index + 1)) / parts),
  )
}

/** Pages overlap by the rows of a second, and one that is full does not show that it is the last. */
const FILLED = 0.98

/**
 * The same for a piece of which not more than an estimate is known: its parts, but the last, have as many rows as fit the
 * pages that they need anyway. There are rather more rows than estimated, because statistics leave some members out.
 */
function filledPositionsIn(piece: Omit<Piece<unknown>, "task">, requests: number): number[] {
  const { start, end, pageRows } = piece
  const pieceOfFilled = { start, end, pageRows: pageRows * FILLED }
  const positions = positionsIn(pieceOfFilled, requests)
  const part = (start - end) / (positions.length + 1)
  const filled = Math.floor(Math.ceil(part / pageRows) * pageRows * FILLED)
  return filled <= part
    ? positions
    : positions.map((_, index) => start - filled * (index + 1)).filter((position) => position > end)
}

function probeOf<T extends Splittable>(task: T, { query, rows }: Rest, position: number): Probe<T> {
  return { task, query: { ...query, offset: rows - position, count: 1 } }
}

function pagesOf({ start, end, pageRows }: Omit<Piece<unknown>, "task">): number {
  return (start - end) / pageRows
}
