import { AppError } from "../errors.ts"
import type { Cursor } from "../exports/cursor/cursor.ts"
import { planExport } from "../exports/plan.ts"
import type { Selection } from "../exports/selection.ts"
import type { ScannedPage } from "../scan/deduplicate.ts"
import type { ListPosition } from "../scan/position.ts"
import { createScan, type ListNotice, type ScanOptions } from "../scan/scan.ts"
import type { Source } from "../scan/source.ts"
import { watermarkAt } from "../scan/watermark.ts"

/** One pass over some lists: an incremental scan from what was delivered. */
export type Changes = {
  readonly pages: AsyncGenerator<ScannedPage | ListNotice>
  /** Where the next pass begins, once all pages were taken. */
  positions(): readonly ListPosition[]
}

export function readChanges(
  request: {
    readonly listIds: readonly string[]
    readonly selection: Selection
    readonly cursor: Cursor
    readonly marginS: number
    readonly judgeError: ScanOptions["judgeError"]
  },
  source: Source,
  signal: AbortSignal,
): Changes {
  const { listIds, selection, cursor, marginS, judgeError } = request
  const lists = cursor.lists.filter(({ id }) => listIds.includes(id))
  const closed = watermarkAt(source.now().earliest, marginS)
  const plan = planExport(listIds, selection, closed, { ...cursor, lists })
  const scan = createScan({ ...plan, marginS, judgeError }, source, signal)
  return { pages: noticeIfAllFail(scan.pages(), listIds), positions: scan.nextPositions }
}

/** If Mailchimp refuses every list of a pass, only these lists have failed: others may be followed as well. */
async function* noticeIfAllFail(
  pages: AsyncGenerator<ScannedPage | ListNotice>,
  listIds: readonly string[],
): AsyncGenerator<ScannedPage | ListNotice> {
  try {
    yield* pages
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "mailchimp_forbidden") throw error
    for (const listId of listIds) yield { notice: "list_failed", listId, error }
  }
}
