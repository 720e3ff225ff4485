import type { Second } from "./source.ts"

/** Where a reading resumes: everything up to `since` was delivered. -Infinity is the beginning of a list. */
export type Position = { readonly since: Second }

/** An unfinished window of the body, from its position to its last second. */
export type WindowPosition = Position & { readonly until: Second }

/** What remains to be read of a sweep. */
export type SweepPosition = {
  /** Windows up to the horizon, to be read in parallel. Empty if the sweep was never split. */
  readonly windows: readonly WindowPosition[]
  /**
   * Where the last reading resumes. That reading ends at the caller's upper bound if the bound is after the horizon, else
   * it has no end. While before the horizon, it may still be split. Missing if the bound is not after the horizon.
   */
  readonly tail?: Position | undefined
  /** A reading that began at this second ended short, so the next export begins here again. */
  readonly shortAt?: Second | undefined
  /** A reading that began at this second ended with fewer rows than Mailchimp counted: unless resolved, the sweep ends short. */
  readonly doubtedAt?: Second | undefined
}

/** What remains to be read of a list. */
export type ListPosition = {
  readonly id: string
  readonly live: SweepPosition
  /** If missing, archived members are not read. */
  readonly archived?: SweepPosition | undefined
  readonly isDone?: boolean | undefined
  /** All its members are exported, whatever their dates, although the export is incremental: a new list, for example. */
  readonly isWhole?: boolean | undefined
  /** The list could not be read, so the next export reads it whole. */
  readonly isUnread?: boolean | undefined
  /** Mailchimp's count when the list was begun. A cursor of many lists has no room for it once a list is done. */
  readonly totalItems?: number | undefined
}
