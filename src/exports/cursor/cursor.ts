import type { ListPosition } from "../../scan/position.ts"
import type { Second } from "../../scan/source.ts"

/** What a consumer has received, and therefore what is left to read. */
export type Cursor = {
  /** A checkpoint resumes the same export; an end starts the next incremental export. */
  readonly kind: "checkpoint" | "end"
  /** Identifies the selection of members and fields: a cursor is only valid for the same selection. */
  readonly selection: string
  /** Whether the export that uses this cursor contains only what changed since another export. */
  readonly isIncremental: boolean
  readonly horizon: Second
  readonly lists: readonly ListPosition[]
}
