import { type OffsetReading, createOffsetReading } from "./offset-reading.ts"
import { type OpenVersions, type Range, countRows } from "./delivery.ts"
import { type Question, type Reading, MAX_REPEATS, countUpTo, pauseBefore, reachesEnd } from "./reading.ts"
import type { Page, Second } from "./source.ts"

type TallyOptions = {
  readonly listId: string
  readonly status: string | undefined
  /** The last second of the body. */
  readonly horizon: Second
}

export type Tally = {
  /** These rows of a page were delivered. Its count is one of the whole sweep where the question had no filter of dates. */
  add(page: Page, ranges: readonly Range[], isUnfiltered: boolean): void
  /**
   * All of the sweep is read by filters of dates. Members without one are found by none of them: where Mailchimp sorts
   * them behind all others, even the first page would not show them.
   */
  doubtDates(): void
  /** Where dates are doubted, a look at the very last row, or at both ends: whether they have one. Only once. */
  lookAtEnds(): Reading | undefined
  /**
   * What is to be done before the sweep may end: a reading, another pass over its tail, or "none" where nothing helps.
   * Undefined when as many rows were delivered as are counted, as far as there is a count.
   */
  remedy(): Reading | "tails" | "none" | undefined
}

/** Mailchimp sorts members without a date before or behind all others, so one of them comes first by one of the orders. */
type Direction = "ASC" | "DESC"

/**
 * Compares what was delivered of a whole sweep with what Mailchimp counts, without any filter of dates. Should Mailchimp
 * ever change the rules that the scan relies on, it would show here: then the tail runs again, then all is read plainly, by
 * offset, and if even that falls short, the export says so. A wrong count does not keep it from ending.
 *
 * Members without a date would show as well, as no filter of dates finds them. A row up to the horizon comes once, as
 * closed seconds only lose rows. One after it may be the second row of a member who changed meanwhile, and so make up for
 * one that is hidden. So where rows up to the horizon do not reach the count alone, the last row is looked at, and all that
 * have no date are read from there on. Whoever was given one meanwhile is in the tail, which runs again after that.
 */
export function createTally({ listId, status, horizon }: TallyOptions, versions: OpenVersions): Tally {
  const query = { listId, status, sort: "last_changed" } as const
  let rows = 0
  let rowsOfBody = 0
  let counted: number | undefined
  let isProven: boolean | undefined
  let isDoubted = false
  let look: "none" | "answered" | "unanswered" = "none"
  /** By the latest look. Members may have left since they were counted first, but what it counts is in a tail after it. */
  let recounted: number | undefined
  let isTailDue = false
  let hasLookedAgain = false
  let undatedComeBy: Direction | undefined
  let undated: OffsetReading | undefined
  let plain: OffsetReading | undefined

  return {
    add: (page, ranges, isUnfiltered) => {
      rows += countRows(ranges)
      rowsOfBody += countRows(ranges, countUpTo(page, page.length, horizon))
      if (!isUnfiltered) return
      counted ??= page.totalItems
      const isLastUndated = page.length > 0 && page.second(page.length - 1) === undefined
      if (isLastUndated && !reachesEnd(page, 0)) undatedComeBy = "DESC"
    },
    doubtDates: () => {
      isDoubted = true
    },
    lookAtEnds: () => {
      if (!isDoubted) return undefined
      isDoubted = false
      // A first question without a filter has shown the first row.
      return readEnds(counted === undefined ? ["DESC", "ASC"] : ["DESC"])
    },
    remedy: () => {
      isProven ??= counted !== undefined && rowsOfBody >= counted
      if (undatedComeBy && !undated) return readUndated(undatedComeBy)
      if (!undated) {
        if (isProven) return undefined
        if (look === "none") return counted === undefined ? undefined : readEnds(["DESC"])
      }
      if (look === "unanswered" || undated?.isShort() || plain?.isShort()) return "none"
      if (isTailDue) return runTails()
      if (plain || counted === undefined || rows >= (recounted ?? counted)) return undefined
      return hasLookedAgain ? readPlainly() : lookAgain()
    },
  }

  function readUndated(direction: Direction): Reading {
    isTailDue = true
    undated = readByOffset("undated", direction)
    return undated
  }

  function runTails(): "tails" {
    isTailDue = false
    return "tails"
  }

  function lookAgain(): Reading {
    hasLookedAgain = true
    return readEnds(["DESC"])
  }

  function readPlainly(): Reading {
    plain = readByOffset("all", "ASC")
    return plain
  }

  function readByOffset(kind: "undated" | "all", direction: Direction): OffsetReading {
    return createOffsetReading({ ...query, direction }, kind, new Set(), versions)
  }

  /** A question for the first row in each direction. None of them is delivered. */
  function readEnds(directions: readonly Direction[]): Reading {
    const left = [...directions]
    let next: Omit<Question, "query"> | undefined = {}
    let repeats = 0
    return {
      nextQuestion: () => {
        const [direction] = left
        if (!next || !direction) return undefined
        const question = { query: { ...query, direction, offset: 0, count: 1 }, ...next }
        next = undefined
        return question
      },
      receive: (page, { query: { direction = "ASC" } }) => {
        const isUnanswered = page.length === 0 && page.totalItems > 0
        repeats = isUnanswered ? repeats + 1 : 0
        next = isUnanswered ? { pauseS: pauseBefore(repeats) } : {}
        if (isUnanswered && repeats <= MAX_REPEATS) return []
        left.shift()
        if (look !== "unanswered") look = isUnanswered ? "unanswered" : "answered"
        if (page.length > 0 && page.second(0) === undefined) undatedComeBy ??= direction
        recounted = page.totalItems
        isTailDue = true
        return []
      },
      isDone: () => left.length === 0,
    }
  }
}
