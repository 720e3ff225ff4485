import type { Selection } from "../exports/selection.ts"
import type { ScanOptions } from "../scan/scan.ts"
import type { Source } from "../scan/source.ts"
import { watermarkAt } from "../scan/watermark.ts"
import type { Backlog } from "./backlog.ts"
import type { FollowedLists } from "./followed-lists.ts"
import type { Hints } from "./hints.ts"
import { listDeleted, listError } from "./lines.ts"
import type { Polls } from "./polls.ts"
import { readChanges } from "./read-changes.ts"
import type { RecentRows } from "./recent-rows.ts"
import type { TailOutput } from "./tail-output.ts"

/** Returns a function that reads what changed in some lists, and writes it. It resolves to the number of rows. */
export function createWriteChanges(deps: {
  readonly selection: Selection
  readonly marginS: number
  readonly judgeError: ScanOptions["judgeError"]
  readonly source: Source
  readonly lists: FollowedLists
  readonly hints: Hints
  readonly recent: RecentRows
  readonly output: TailOutput
  /** Resolves when the followers can take another page. */
  readonly room: Backlog["room"]
  readonly polls: Polls
  readonly signal: AbortSignal
  readonly now: () => number
}): (listIds: readonly string[]) => Promise<number> {
  const { lists, hints, recent, output, polls, signal, now } = deps

  return async (listIds) => {
    if (listIds.length === 0) return 0
    const cursor = lists.toCursor(0)
    const { pages, positions } = readChanges({ ...deps, listIds, cursor }, deps.source, signal)
    const closed = watermarkAt(deps.source.now().earliest, deps.marginS)
    let rows = 0
    for await (const item of pages) {
      if (!("notice" in item)) {
        const { listId, page } = item
        hints.shown(listId, page)
        rows += output.rows(page, recent.select(item, closed))
        page.release()
        await deps.room(signal)
      } else if (item.notice === "list_deleted") {
        lists.remove(item.listId)
        hints.forget(item.listId)
        output.line(listDeleted(item.listId, now()))
      } else output.line(listError(item.listId, item.error))
    }
    lists.advance(positions())
    for (const id of listIds) {
      polls.read(id)
      recent.forget(id, lists.positionOf(id) ?? Infinity)
    }
    return rows
  }
}
