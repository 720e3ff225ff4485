import type { MembersQuery, Second } from "./source.ts"
import type { WindowReading } from "./window.ts"

/** A reading that may be cut. */
export type Cuttable = { readonly reading: WindowReading }

/** A question for the single row at a quantile of what a reading has left: its second is where to cut. */
export type Probe<T extends Cuttable> = { readonly task: T; readonly query: MembersQuery }

export type Cutter<T extends Cuttable> = {
  /** What to ask with so many requests to spare, to cut the longest of the readings; nothing where none is worth it. */
  probes(tasks: readonly T[], spare: number): Probe<T>[]
}

/** What lies between two cuts, made or asked for, in rows before the end of a reading. */
type Piece<T> = { readonly task: T; readonly start: number; readonly end: number; readonly pageRows: number }

/**
 * Finds out where to cut readings, so that they can be read side by side. The longest piece is cut into equal ones, but
 * none shorter than a page: that would cost more requests, not only one for the question.
 */
export function createCutter<T extends Cuttable>(): Cutter<T> {
  /** Where a reading was asked to be cut, in rows before its end: as long as it has this end, the cuts are to come. */
  const asked = new WeakMap<T, { readonly until: Second | undefined; readonly cuts: readonly number[] }>()

  return {
    probes: (tasks, spare) => {
      const piece = tasks.flatMap(piecesOf).toSorted((a, b) => pagesOf(b) - pagesOf(a))[0]
      const rest = piece?.task.reading.rest()
      if (!piece || !rest) return []
      const { task, start, end } = piece
      const parts = Math.min(spare + 1, Math.ceil(pagesOf(piece)))
      const cuts = Array.from({ length: parts - 1 }, (_, index) =>
        Math.round(start - ((start - end) * (index + 1)) / parts),
      )
      asked.set(task, { until: task.reading.until(), cuts: [...cutsOf(task), ...cuts] })
      return cuts.map((cut) => ({ task, query: { ...rest.query, offset: rest.rows - cut, count: 1 } }))
    },
  }

  function cutsOf(task: T): readonly number[] {
    const before = asked.get(task)
    return before && before.until === task.reading.until() ? before.cuts : []
  }

  /** The pieces of a reading; the page under way, which it reads meanwhile, is in none of them. */
  function piecesOf(task: T): Piece<T>[] {
    const rest = task.reading.rest()
    if (!rest) return []
    const { rows, pageRows } = rest
    const ends = cutsOf(task).filter((cut) => cut < rows - pageRows)
    const starts = [rows - pageRows, ...ends.toSorted((a, b) => b - a)]
    return starts.map((start, index) => ({ task, start, end: starts[index + 1] ?? 0, pageRows }))
  }
}

function pagesOf<T>({ start, end, pageRows }: Piece<T>): number {
  return (start - end) / pageRows
}
