import type { Second } from "./source.ts"

/** Where a reading goes on: everything up to `since` was delivered. -Infinity is the beginning of a list. */
export type Position = { readonly since: Second }

/** A part of the body that is not finished, from its place to its last second. */
export type WindowPosition = Position & { readonly until: Second }

/** What is still to be read of a sweep. */
export type SweepPosition = {
  /** Ranges up to the horizon, to be read side by side. None where the sweep was never cut. */
  readonly windows: readonly WindowPosition[]
  /**
   * Where the last reading goes on. It has no end, or the caller's upper bound, where that lies behind the horizon. As long
   * as it is before the horizon, it may still be cut. Missing where the caller's upper bound is not behind the horizon.
   */
  readonly tail?: Position | undefined
  /** A reading that began here ended short: the next export begins here again. */
  readonly heldAt?: Second | undefined
  /** A reading that began here ended with fewer rows than Mailchimp counted: the sweep ends short unless that is cleared up. */
  readonly doubtedAt?: Second | undefined
}

/** What is still to be read of a list. */
export type ListPosition = {
  readonly id: string
  readonly live: SweepPosition
  /** Without it archived members are not read. */
  readonly archived?: SweepPosition | undefined
  readonly isDone?: boolean | undefined
  /** All its members are wanted, whatever their dates, though the export is of what has changed: it is new, say. */
  readonly isWhole?: boolean | undefined
  /** The list could not be read; the next export reads it whole. */
  readonly isUnread?: boolean | undefined
  /** By Mailchimp's count, when the list was begun. A cursor of many lists has no room for it once a list is done. */
  readonly totalItems?: number | undefined
}
