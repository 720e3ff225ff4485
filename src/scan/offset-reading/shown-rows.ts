import type { KnownRows } from "../deduplicate.ts"
import type { ShownRow } from "./pass-order.ts"
import type { Page } from "../source.ts"

/** The rows that were shown by offset, compared with the counts in the responses. */
export type ShownRows = {
  /** Records the first `end` rows of the response to a request that was sent after `after` responses had arrived. */
  note(page: Page, end: number, after: number): readonly ShownRow[]
  /** How many responses have arrived. */
  responses(): number
  /** The counts in the latest responses. */
  totals(latest: number): readonly number[]
  /** How many rows of a response's total were not shown by later requests, for the response that lacks the fewest. */
  missing(): number
  /** Whether `isChanged` was true of a row. */
  hasChanged(): boolean
}

/**
 * A group of rows that can only lose rows is complete if, for any response, later requests show as many keys as its total:
 * each of these rows existed when the total was counted. Rows without a key are never counted as shown.
 *
 * @param known the rows that were delivered; those with keys are added
 */
export function createShownRows(
  known: KnownRows,
  isChanged: (page: Page, index: number) => boolean = () => false,
): ShownRows {
  const totals: number[] = []
  /** For each key: how many responses had arrived when the latest request that showed it was sent. */
  const shownAfter = new Map<string, number>()
  /** For each such number of responses: how many keys have it in `shownAfter`. */
  const keysAfter: number[] = []
  let hasChanged = false

  return {
    note: (page, end, after) => {
      const rows = Array.from({ length: end }, (_, index) => noteRow(page, index, after))
      totals.push(page.totalItems)
      return rows
    },
    responses: () => totals.length,
    totals: (latest) => totals.slice(-latest),
    missing: () => {
      let fewest = Number.POSITIVE_INFINITY
      let shown = 0
      for (let responses = totals.length; responses > 0; responses -= 1) {
        shown += keysAfter[responses] ?? 0
        if (shown > 0) fewest = Math.min(fewest, Math.abs((totals[responses - 1] ?? 0) - shown))
      }
      return fewest
    },
    hasChanged: () => hasChanged,
  }

  function noteRow(page: Page, index: number, after: number): ShownRow {
    const id = page.id(index)
    const fingerprint = page.fingerprint(index)
    hasChanged ||= isChanged(page, index)
    if (id === undefined) return { text: String(fingerprint), hasKey: false }
    known.set(id, fingerprint)
    // rule: only rows requested after a total count towards it
    show(id, after)
    return { text: id, hasKey: true }
  }

  function show(key: string, after: number): void {
    const before = shownAfter.get(key) ?? -1
    if (before >= after) return
    if (before >= 0) keysAfter[before] = (keysAfter[before] ?? 0) - 1
    keysAfter[after] = (keysAfter[after] ?? 0) + 1
    shownAfter.set(key, after)
  }
}
