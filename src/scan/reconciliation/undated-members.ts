import type { OpenVersions } from "../deduplicate.ts"
import { type ShownEnd, createEndsCheck } from "./ends-check.ts"
import { type OffsetReading, createOffsetReading } from "../offset-reading/offset-reading.ts"
import { type Reading, reachesEnd } from "../reading.ts"
import type { Direction } from "./recount-pass.ts"
import type { MembersQuery, Page } from "../source.ts"

/** Finds and reads the members without a date, which no date filter returns. Mailchimp has none today. */
export type UndatedMembers = {
  /** Takes a page whose request had no date filter. */
  observe(page: Page): void
  /** Records that all of the sweep is read with date filters. */
  doubtDates(): void
  /** If dates are doubted: checks once whether the last row, or the rows at both ends, have a date. */
  checkIfDoubted(isFirstRowKnown: boolean): Reading | undefined
  /** Checks whether the last row has a date. */
  checkLast(): Reading
  /** What a check found. `failed` if no row was returned although rows are counted. */
  check(): "none" | "done" | "failed"
  /** Mailchimp's count at the latest check. Members may have left since the first count. */
  recounted(): number | undefined
  /** Reads all members without a date if there are any. Undefined if there are none, or if this was done before. */
  readFound(): OffsetReading | undefined
  /** The reading of all members without a date. */
  reading(): OffsetReading | undefined
  /** Whether the tail has to run again, after a check or a reading: members may have got a date meanwhile. True once. */
  takeTailDue(): boolean
}

/** Mailchimp sorts members without a date before or after all others, so in one direction they come first. */
export function createUndatedMembers(
  query: Omit<MembersQuery, "offset" | "direction">,
  versions: OpenVersions,
): UndatedMembers {
  let areDatesDoubted = false
  let check: "none" | "done" | "failed" = "none"
  let recounted: number | undefined
  let isTailDue = false
  /** The direction in which they come first. */
  let comeFirstBy: Direction | undefined
  let reading: OffsetReading | undefined

  return {
    observe: (page) => {
      const isLastUndated = page.length > 0 && page.second(page.length - 1) === undefined
      if (isLastUndated && !reachesEnd(page, 0)) comeFirstBy = "DESC"
    },
    doubtDates: () => {
      areDatesDoubted = true
    },
    checkIfDoubted: (isFirstRowKnown) => {
      // rule: members without a date are looked for if dates are doubted
      if (!areDatesDoubted) return undefined
      areDatesDoubted = false
      return createEndsCheck(query, isFirstRowKnown ? ["DESC"] : ["DESC", "ASC"], noteEnd)
    },
    checkLast: () => createEndsCheck(query, ["DESC"], noteEnd),
    check: () => check,
    recounted: () => recounted,
    readFound: () => {
      if (!comeFirstBy || reading) return undefined
      isTailDue = true
      reading = createOffsetReading({ ...query, direction: comeFirstBy }, "undated", new Map(), versions)
      return reading
    },
    reading: () => reading,
    takeTailDue: () => {
      const isDue = isTailDue
      isTailDue = false
      return isDue
    },
  }

  function noteEnd({ direction, page, isFailed }: ShownEnd): void {
    if (check !== "failed") check = isFailed ? "failed" : "done"
    if (page.length > 0 && page.second(0) === undefined) comeFirstBy ??= direction
    recounted = page.totalItems
    isTailDue = true
  }
}
