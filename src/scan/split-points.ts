import { AppError } from "../errors.ts"
import { type EarlyRow, createEarlyRows } from "./early-rows.ts"
import type { Expected, MembersQuery, Page, Second, Source } from "./source.ts"
import type { Rest, WindowReading } from "./window/window.ts"

/** A reading that may be split. */
export type Splittable = { readonly reading: WindowReading }

/** A query for the single row at a quantile of what a reading has left: its second is where to split. */
export type Probe<T extends Splittable> = { readonly task: T; readonly query: MembersQuery }

export type SplitPoints<T extends Splittable> = {
  /** Records that the first page of a whole list is requested. Without `expected` no rows are requested with it. */
  begin(reading: object, query: MembersQuery, expected: Expected | undefined): void
  /** The probes to send with this many spare requests, to split the longest reading; empty if no split is worth it. */
  probes(tasks: readonly T[], spare: number): Probe<T>[]
  /** Where to split now that a probe has found this second. Undefined until the first page has arrived. */
  found(probe: Probe<T>, second: Second | undefined): Second | undefined
  /** Takes a page. If it is the first of a list: where to split by the rows requested with it, or new probes instead. */
  received(
    reading: object,
    page: Page,
    spare: number,
  ): { readonly seconds: readonly Second[]; readonly probes: readonly Probe<T>[] }
  /** Requests the row. Undefined if that fails, because everything can be read without the split. */
  read(probe: Probe<T>, source: Source, signal: AbortSignal): Promise<Page | undefined>
}

/** What is between two splits, made or requested, in rows before the end of a reading. */
type Piece<T> = { readonly task: T; readonly start: number; readonly end: number; readonly pageRows: number }

/**
 * Finds out where to split readings, so that the parts can be read in parallel. The longest piece is split into equal parts,
 * none shorter than a page, because shorter parts would cost more requests. If the approximate number of rows of a list is
 * known, its first probes are sent concurrently with its first page, and again if the count of that page refutes them.
 */
export function createSplitPoints<T extends Splittable>(): SplitPoints<T> {
  /** The splits requested of a reading, in rows before its end. They are pending as long as the reading has this end. */
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
      // Members without a date are read before those with a date, and are not split.
      if (!task || !Number.isFinite(task.reading.position().since)) return NOTHING
      const rows = requested.filter(({ offset }) => offset < page.totalItems)
      const pending = requested.filter(({ hasResponded }) => !hasResponded).length
      // Count the permits of useless pending rows as spare now; otherwise each would be used for a split of its own.
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
        // If the list may not be read, the request for its first page shows the same.
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

  /** The pieces of a reading, without the page that it is reading now. */
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
 * Whether splits at these rows save a round of requests. Otherwise probes are sent now, while another page is read: that
 * takes one round, and then as many rounds as the pieces have pages.
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

/** Where to split a piece with this many requests, in rows before the end of the reading. */
function positionsIn(piece: Omit<Piece<unknown>, "task">, requests: number): number[] {
  const { start, end } = piece
  const parts = Math.max(1, Math.min(requests + 1, Math.ceil(pagesOf(piece))))
  return Array.from({ length: parts - 1 }, (_, index) =>
    Math.round(start - ((start - end) * (index + 1)) / parts),
  )
}

/** The part of a page that is filled: pages overlap by the rows of a second, and a full page does not show that it is the last. */
const FILLED = 0.98

/**
 * The same for a piece of which only an estimate is known. All parts but the last have as many rows as fit the pages that
 * they need anyway. There tend to be more rows than estimated, because statistics leave some members out.
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
