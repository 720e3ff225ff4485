import type { Delivery, OpenVersions } from "./delivery.ts"
import { countRows } from "./delivery.ts"
import { read } from "./reading.ts"
import type { Second, Source } from "./source.ts"
import { createWindowReading } from "./window.ts"

export type ScanOptions = {
  readonly listIds: readonly string[]
  readonly status?: string | undefined
  /** How many seconds before Mailchimp's clock a second counts as closed. */
  readonly marginS: number
  readonly onListEnd?: (result: ListResult) => void
}

/** What came of a list. */
export type ListResult = {
  readonly listId: string
  readonly rows: number
  /** By Mailchimp's count, when the list was begun. */
  readonly totalItems: number
  /** Every member that existed from the start to this second was delivered, in the version of this second or a later one. */
  readonly asOf: Second
  /** Rows may be missing all the same, as Mailchimp's answers did not add up. */
  readonly isShort: boolean
}

/**
 * Reads the members of lists, one list after the other, each from its beginning to its end while it changes. What it
 * promises: every member that exists from the start to its list's `asOf` is delivered at least once, in the version of
 * `asOf` or a later one at last, and no older version after a newer one.
 */
export async function* scan(
  { listIds, status, marginS, onListEnd }: ScanOptions,
  source: Source,
  signal: AbortSignal,
): AsyncGenerator<Delivery> {
  for (const listId of listIds) {
    const versions: OpenVersions = new Map()
    const reading = createWindowReading({ listId, status }, { marginS, versions })
    let rows = 0
    for await (const delivery of read(reading, source, signal)) {
      rows += countRows(delivery.ranges)
      yield delivery
    }
    onListEnd?.({ listId, rows, ...reading.result() })
  }
}
