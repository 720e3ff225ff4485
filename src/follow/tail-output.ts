import type { EventLine } from "../exports/event-lines.ts"
import { createNdjson } from "../exports/formats/ndjson.ts"
import { countRows, type Range } from "../scan/deduplicate.ts"
import type { Page } from "../scan/source.ts"
import type { Backlog } from "./backlog.ts"

/** Encodes what followers receive, once for all of them. */
export type TailOutput = {
  /** Writes rows of a page. Returns how many. */
  rows(page: Page, ranges: readonly Range[]): number
  /** @param cursor resumes after this line */
  line(event: EventLine, cursor?: string): void
}

export function createTailOutput(backlog: Pick<Backlog, "push">): TailOutput {
  const { rows, endRow, line } = createNdjson()
  return {
    rows: (page, ranges) => {
      if (ranges.length === 0) return 0
      // A copy, because the page is released long before the slowest follower has read it.
      const bytes = Buffer.concat([...ranges.map(({ start, end }) => rows(page.bytes(start, end))), endRow()])
      backlog.push({ bytes })
      return countRows(ranges)
    },
    line: (event, cursor) => backlog.push({ bytes: line(event), cursor }),
  }
}
