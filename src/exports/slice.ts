import { AppError } from "../errors.ts"
import type { ScannedPage } from "../scan/deduplicate.ts"
import { MAX_REPEATS, pauseBefore } from "../scan/reading.ts"
import type { Source } from "../scan/source.ts"

export type SliceOptions = {
  readonly listIds: readonly string[]
  readonly status?: string | undefined
  readonly offset: number
  readonly count: number
}

/**
 * Reads a slice of the concatenated lists, in the order in which their members opted in. Like Mailchimp's own offsets, a
 * slice is meant for a look into the lists and is not exact while they change.
 */
export async function* readSlice(
  { listIds, status, offset, count }: SliceOptions,
  source: Source,
  signal: AbortSignal,
): AsyncGenerator<ScannedPage> {
  let toSkip = offset
  let toRead = count
  for (const listId of listIds) {
    const query = { listId, status, sort: "timestamp_opt" } as const
    if (toSkip > 0) {
      const { totalItems } = await source.read({ ...query, offset: 0, count: 1 }, signal)
      if (totalItems <= toSkip) {
        toSkip -= totalItems
        continue
      }
    }
    let repeats = 0
    for (let isWhole = false; !isWhole && toRead > 0;) {
      const page = await source.read({ ...query, offset: toSkip, count: toRead }, signal)
      const rows = Math.min(page.length, toRead)
      yield { listId, page, ranges: [{ start: 0, end: rows }] }
      toSkip += page.length
      toRead -= rows
      isWhole = toSkip >= page.totalItems
      if (page.length > 0 || isWhole) repeats = 0
      else if (++repeats > MAX_REPEATS) throw incomplete(listId)
      else await source.pause(pauseBefore(repeats), signal)
    }
    if (toRead === 0) return
    toSkip = 0
  }
}

function incomplete(listId: string): AppError {
  return new AppError(
    "mailchimp_error",
    `Cannot read the slice because Mailchimp counts more members than it returns: list ${listId}`,
  )
}
