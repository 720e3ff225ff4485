import { createCrowdedSecond } from "./crowded-second.ts"
import type { OpenVersions } from "./delivery.ts"
import type { Question, Reading } from "./reading.ts"
import type { Page } from "./source.ts"

export type Tally = {
  /** So many rows were delivered, and so many are counted where the question had no filter of dates. */
  add(rows: number, counted: number | undefined): void
  /**
   * All of the sweep is read by filters of dates. Members without one are found by none of them: where Mailchimp sorts
   * them behind all others, even the first page would not show them.
   */
  doubtDates(): void
  /** Where dates are doubted, a look at the very last row: whether it has one. Only once. */
  lookAtLastRow(): Reading | undefined
  /** Members without a date were found that no window shows, and all was not read plainly yet. */
  hasUndated(): boolean
  /**
   * What is to be done before the sweep may end: a reading, another pass over its tail, or "none" where nothing helps.
   * Undefined when as many rows were delivered as are counted, as far as there is a count.
   */
  remedy(): Reading | "tails" | "none" | undefined
}

/**
 * Compares what was delivered of a whole sweep with what Mailchimp counts, without any filter of dates. Should Mailchimp
 * ever change the rules that the scan relies on, or hide members from its dates, it would show here: then the tail runs
 * again, then all is read plainly, by offset, and if even that falls short, the export says so. A wrong count does not
 * keep it from ending.
 */
export function createTally(
  { listId, status }: { readonly listId: string; readonly status: string | undefined },
  versions: OpenVersions,
): Tally {
  const query = { listId, status, sort: "last_changed" } as const
  const remedies = ["tails", "plain"]
  let delivered = 0
  let counted: number | undefined
  /** Members may have left since they were counted first: only a count of now says that rows are missing. */
  let isRecounted = false
  let isDoubted = false
  let hasUndated = false
  let isReadPlainly = false
  /** Also those who were not delivered again, as they were the same. */
  const plainIds = new Set<string>()

  return {
    add: (rows, total) => {
      delivered += rows
      counted ??= total
    },
    doubtDates: () => {
      isDoubted = true
    },
    lookAtLastRow: () => {
      if (!isDoubted) return undefined
      isDoubted = false
      return readOneRow("DESC", (page) => {
        hasUndated = page.length > 0 && page.second(0) === undefined
      })
    },
    hasUndated: () => hasUndated,
    remedy: () => {
      if (hasUndated && !isReadPlainly) return readPlainly()
      hasUndated = false
      if (counted === undefined || Math.max(delivered, plainIds.size) >= counted) return undefined
      if (!isRecounted) return countAgain()
      isRecounted = false
      const remedy = remedies.shift()
      if (remedy === "plain" && !isReadPlainly) return readPlainly()
      return remedy === "tails" ? "tails" : "none"
    },
  }

  function countAgain(): Reading {
    return readOneRow("ASC", ({ totalItems }) => {
      counted = totalItems
      isRecounted = true
    })
  }

  function readPlainly(): Reading {
    delivered = 0
    isReadPlainly = true
    return createCrowdedSecond(query, plainIds, versions)
  }

  /** One question, of which no row is delivered. */
  function readOneRow(direction: "ASC" | "DESC", onAnswer: (page: Page) => void): Reading {
    let question: Question | undefined = { query: { ...query, direction, offset: 0, count: 1 } }
    let isDone = false
    return {
      nextQuestion: () => {
        const next = question
        question = undefined
        return next
      },
      receive: (page) => {
        isDone = true
        onAnswer(page)
        return []
      },
      isDone: () => isDone,
    }
  }
}
