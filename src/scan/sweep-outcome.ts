import type { SweepPosition } from "./position.ts"
import type { Lack } from "./reading.ts"
import type { Second } from "./source.ts"
import type { WindowTask } from "./task.ts"

/** What the finished readings of a sweep have shown: up to which second it is complete, and where rows may be missing. */
export type SweepOutcome = {
  /** Records that a window of the body was read. */
  endWindow(task: WindowTask): void
  /** Records that a tail was read. */
  endTail(task: WindowTask): void
  /** Records that all of the sweep, which began at `since`, may lack rows. */
  endShort(since: Second): void
  /** Records that all counted rows were found, or that the count was wrong. */
  resolveCount(): void
  /** Every member that existed from the start to this second was delivered, in the version of this second or a later one. */
  asOf(): Second
  /** Whether a tail was read. */
  isRead(): boolean
  /** The start of the earliest reading that may lack rows. */
  shortAt(): Second | undefined
  /** The start of the earliest reading that showed fewer rows than Mailchimp counted. */
  doubtedAt(): Second | undefined
  /** The same, for a cursor: what the readings in progress lack so far is included. */
  lacks(inProgress: readonly WindowTask[]): Pick<SweepPosition, "shortAt" | "doubtedAt">
  hasOddSince(): boolean
  hasDatedAhead(): boolean
}

export function createSweepOutcome(from: SweepPosition): SweepOutcome {
  const hasTail = from.tail !== undefined
  let asOf = from.tail?.since ?? Number.POSITIVE_INFINITY
  let isRead = false
  // rule: a cursor remembers what was short
  let shortAt = from.shortAt
  // rule: a doubted count is still doubted after a resume
  let doubtedAt = from.doubtedAt
  let hasOddSince = false
  let hasDatedAhead = false

  return {
    endWindow: (task) => {
      end(task)
      if (!hasTail) asOf = Math.min(asOf, task.reading.asOf())
    },
    endTail: (task) => {
      end(task)
      // rule: `asOf` is the watermark when the last pages were requested, not now
      asOf = Math.max(task.reading.asOf(), task.from)
      isRead = true
    },
    endShort: (since) => {
      shortAt = Math.min(since, shortAt ?? since)
    },
    resolveCount: () => {
      doubtedAt = undefined
    },
    asOf: () => asOf,
    isRead: () => isRead,
    shortAt: () => shortAt,
    doubtedAt: () => doubtedAt,
    lacks: (inProgress) => ({
      shortAt: earliestLack("rules", shortAt, inProgress),
      doubtedAt: earliestLack("count", doubtedAt, inProgress),
    }),
    hasOddSince: () => hasOddSince,
    hasDatedAhead: () => hasDatedAhead,
  }

  function end(task: WindowTask): void {
    hasOddSince ||= task.reading.hasOddSince()
    hasDatedAhead ||= task.reading.hasDatedAhead()
    shortAt = earliestLack("rules", shortAt, [task])
    doubtedAt = earliestLack("count", doubtedAt, [task])
  }
}

/** The start of the earliest reading that may lack rows for this reason, among these tasks and those before. */
function earliestLack(lack: Lack, before: Second | undefined, tasks: readonly WindowTask[]) {
  const starts = tasks.filter(({ reading }) => reading.lack() === lack).map(({ from }) => from)
  return starts.length === 0 ? before : Math.min(...starts, before ?? Number.POSITIVE_INFINITY)
}
