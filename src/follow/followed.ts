import type { Owner } from "../connections/connection.ts"
import type { Selection } from "../exports/selection.ts"

/** A connection, and what is followed of it. Followers for whom all of this is equal share a tail. */
export type Followed = {
  readonly owner: Owner
  readonly connectionId: string
  /** The selected lists, or undefined for all lists. */
  readonly listIds: readonly string[] | undefined
  readonly selection: Selection
}
