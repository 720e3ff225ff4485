import { type ShownPage, type ShownRow, hashOfPositions, isOneOrder, joinPages } from "./pass-order.ts"

export type PassComparison = {
  /** Whether this pass and the ones before it prove that all rows were read. `totals` has the count of each page. */
  provesAll(pass: readonly ShownPage[], totals: readonly number[]): boolean
}

/** This many consecutive passes with the same rows at the same positions, while none leaves, prove that all were read. */
// rule: three equal passes, not one, prove that all rows without a key were read
const EQUAL_PASSES = 3

/**
 * Compares the order of consecutive passes. Needed if rows keep leaving before later requests show them again, e.g. while an
 * import in the order of an earlier one changes them, and for rows without a key, which cannot be counted.
 *
 * @param isShrinking whether the group of rows can only lose rows; otherwise one order proves nothing
 */
export function createPassComparison(isShrinking: boolean): PassComparison {
  /** The rows of the previous pass, in order, if its pages joined. */
  let joinedBefore: readonly ShownRow[] | undefined
  let hashBefore: string | undefined
  /** How many consecutive passes had the same hash. */
  let equal = 1

  return {
    provesAll: (pass, totals) => {
      const hash = hashOfPositions(pass, totals)
      equal = hash !== undefined && hash === hashBefore ? equal + 1 : 1
      hashBefore = hash
      const joined = isShrinking ? joinPages(pass) : undefined
      const before = joinedBefore
      joinedBefore = joined
      if (equal === EQUAL_PASSES) return true
      return joined && before ? joined.length >= Math.max(...totals) && isOneOrder(before, joined) : false
    },
  }
}
