import { type PageRequest, type Reading, MAX_REPEATS, NOTHING, pauseBefore } from "../reading.ts"
import type { Direction } from "./recount-pass.ts"
import type { MembersQuery, Page } from "../source.ts"

/** The response that showed the first row in a direction. */
export type ShownEnd = {
  readonly direction: Direction
  readonly page: Page
  /** No row was returned although rows are counted, however often the request was repeated. */
  readonly isFailed: boolean
}

/** Requests the first row in each direction, to see whether it has a date. None of these rows is delivered. */
export function createEndsCheck(
  query: Omit<MembersQuery, "offset" | "direction">,
  directions: readonly Direction[],
  onShown: (end: ShownEnd) => void,
): Reading {
  const left = [...directions]
  let next: Omit<PageRequest, "query"> | undefined = {}
  let repeats = 0

  return {
    nextRequest: () => {
      const [direction] = left
      if (!next || !direction) return undefined
      const request = { query: { ...query, direction, offset: 0, count: 1 }, ...next }
      next = undefined
      return request
    },
    receive: (page, { query: { direction = "ASC" } }) => {
      const isFailed = page.length === 0 && page.totalItems > 0
      repeats = isFailed ? repeats + 1 : 0
      next = isFailed ? { pauseS: pauseBefore(repeats) } : {}
      if (isFailed && repeats <= MAX_REPEATS) return NOTHING
      left.shift()
      onShown({ direction, page, isFailed })
      return NOTHING
    },
    isDone: () => left.length === 0,
  }
}
