import type { Task } from "./list-scan.ts"
import type { MembersQuery, Page, Second } from "./source.ts"

/** A question for the single row at a quantile of what a reading has left: its second is where to cut. */
export type Probe = { readonly query: MembersQuery }

/** A cut must leave this many pages to read besides the one under way, or it is not worth its question. */
const MIN_PAGES = 1.5

/**
 * The rows to ask for so that a reading can be cut into one part more than there are questions to spare, all of about
 * the same number of pages. The reading has one page more, as it goes on meanwhile.
 */
export function probesFor({ reading }: Task, spare: number): MembersQuery[] {
  const question = reading.question()
  const rest = reading.rest()
  if (!question || !rest || question.query.offset > 0) return []
  const pages = rest.rows / rest.pageRows - 1
  const cuts = Math.min(spare, Math.floor(pages / MIN_PAGES))
  if (cuts < 1) return []
  const share = (rest.rows - rest.pageRows) / (cuts + 1)
  return Array.from({ length: cuts }, (_, index) => ({
    ...question.query,
    offset: Math.round(rest.pageRows + share * (index + 1)),
    count: 1,
  }))
}

/** The longest of the readings, in pages that are still to come. */
export function longest(tasks: readonly Task[]): Task | undefined {
  return tasks.toSorted((a, b) => pagesLeft(b) - pagesLeft(a))[0]
}

function pagesLeft({ reading }: Task): number {
  const rest = reading.rest()
  return rest ? rest.rows / rest.pageRows : 0
}

/** Where a probe says to cut. */
export function cutAt(page: Page): Second | undefined {
  return page.length > 0 ? page.second(0) : undefined
}
