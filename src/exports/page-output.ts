import type { LentChunk } from "../lib/lent-chunk.ts"
import type { Clock } from "../lib/time.ts"
import { countRows, type ScannedPage } from "../scan/deduplicate.ts"
import type { ListNotice } from "../scan/scan.ts"
import type { StreamEvent } from "./export-event.ts"
import { createKeepAlive } from "./keep-alive.ts"
import type { Writer } from "./writer.ts"

type Item = ScannedPage | ListNotice

const nothing = new Uint8Array()

export type PageOutput = {
  /** The bytes of a whole export, from its first page, which was already requested, to its end. */
  bytes(first: Promise<IteratorResult<Item>>, pages: AsyncGenerator<Item>): AsyncGenerator<Uint8Array>
  /** The members that were written so far, and their bytes as Mailchimp sent them. */
  written(): { readonly rows: number; readonly bytes: number }
}

/** Writes the pages of an export as they arrive, and keeps the connection alive while none does. */
export function createPageOutput(
  writer: Writer,
  options: {
    /** See {@link ExportOptions}. */
    readonly lent: LentChunk | undefined
    readonly onEvent: (event: StreamEvent) => void
    readonly clock: Clock
  },
): PageOutput {
  const { lent, onEvent, clock } = options
  let rows = 0
  let allBytes = 0

  return {
    written: () => ({ rows, bytes: allBytes }),
    bytes: async function* (first, pages) {
      const { write, wait } = createKeepAlive(clock)
      const keepAlive = () => writer.keepAlive(rows)
      if (writer.ready)
        yield* wait(
          writer.ready.then(() => nothing),
          keepAlive,
        )
      yield* write(writer.start())
      for (let next = first; ; next = pages.next()) {
        const item = yield* wait(next, keepAlive)
        if (item.done) break
        if ("notice" in item.value) {
          yield* write(writer.notice(item.value))
          continue
        }
        const { listId, page, ranges } = item.value
        let bytes = 0
        for (const range of ranges) {
          const members = page.bytes(range.start, range.end)
          bytes += members.length
          if (range === ranges.at(-1)) lent?.lend(page.release)
          yield* write(writer.members(members))
        }
        // Otherwise it would hold its last page, and a follower stays for days.
        lent?.copied()
        if (lent) page.release()
        rows += countRows(ranges)
        allBytes += bytes
        yield* write(await writer.pageEnd(rows))
        onEvent({ type: "page", listId, rows: countRows(ranges), bytes })
      }
      yield* write(await writer.end(rows))
    },
  }
}
