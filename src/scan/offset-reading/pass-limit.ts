export type PassLimit = {
  /** Whether a group of rows of which these are still missing was read often enough. To be called once after each pass. */
  isReached(progress: { readonly total: number; readonly missing: number }, requestsPerPage: number): boolean
}

/** After this many passes without a new row, another pass is not expected to find one. */
const MAX_PASSES_IN_VAIN = 3
/**
 * The most requests for each page, because rows that keep leaving, or a count that never settles, must not block the export
 * forever. This allows as many passes, or fewer if responses are truncated.
 */
const MAX_REQUESTS_PER_PAGE = 20

/** How often rows are read by offset before the reading ends without a proof that all were read. */
export function createPassLimit(): PassLimit {
  let before = { total: Number.NaN, missing: Number.NaN }
  let passesInVain = 0

  return {
    isReached: ({ total, missing }, requestsPerPage) => {
      const isInVain = total === before.total && missing >= before.missing
      passesInVain = isInVain ? passesInVain + 1 : 0
      before = { total, missing }
      return passesInVain === MAX_PASSES_IN_VAIN || requestsPerPage >= MAX_REQUESTS_PER_PAGE
    },
  }
}
