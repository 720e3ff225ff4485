import { createCrowdedSecond } from "./crowded-second.ts"
import type { OpenVersions } from "./delivery.ts"
import type { Reading } from "./reading.ts"

export type Tally = {
  /** So many rows were delivered, and so many are counted where the question had no filter of dates. */
  add(rows: number, counted: number | undefined): void
  /**
   * What is to be done before the sweep may end: a reading, another pass over its tail, or "none" where nothing helps.
   * Undefined when as many rows were delivered as are counted.
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

  return {
    add: (rows, total) => {
      delivered += rows
      counted ??= total
    },
    remedy: () => {
      if (counted !== undefined && delivered >= counted) return undefined
      if (!isRecounted) return countAgain()
      isRecounted = false
      const remedy = remedies.shift()
      return remedy === "tails" ? "tails" : remedy === "plain" ? readPlainly() : "none"
    },
  }

  function countAgain(): Reading {
    return {
      question: () => (isRecounted ? undefined : { query: { ...query, offset: 0, count: 1 } }),
      receive: (page) => {
        counted = page.totalItems
        isRecounted = true
        return { ranges: [], isNew: false }
      },
    }
  }

  function readPlainly(): Reading {
    delivered = 0
    return createCrowdedSecond(query, new Set(), versions)
  }
}
