import type { Selected } from "./deduplicate.ts"
import type { MembersQuery, Page, Second, Source } from "./source.ts"

/** What is to be asked next, and what is to be waited for before. */
export type PageRequest = {
  readonly query: MembersQuery
  /** Not before Mailchimp's clock shows this second, though no longer than so many seconds from now. */
  readonly notBefore?: { readonly second: Second; readonly mostS: number } | undefined
  /** Not before so many seconds from now. */
  readonly pauseS?: number | undefined
}

/** One step after the other of a reading, without doing any of it, so that the rules can be read and tested alone. */
export type Reading = {
  /** Takes the next question. None while an answer has to come before, and after the end. */
  nextRequest(): PageRequest | undefined
  /** Takes the answer to a question, and gives the rows of it that are to be delivered. */
  receive(page: Page, request: PageRequest): Selected
  /** Whether it has ended, and no answer is awaited. */
  isDone(): boolean
}

/** How often an answer that brings nothing new is asked for again while more rows are counted than were seen. */
export const MAX_REPEATS = 3

/** Pauses in seconds that grow with each repeat: one, two, four. */
export function pauseBefore(repeat: number): number {
  return 2 ** (repeat - 1)
}

/** Whether the page is the last one of its question: shorter than asked, and with the rows counted all seen. */
export function reachesEnd(page: Page, offset: number): boolean {
  return page.length < page.count && offset + page.length >= page.totalItems
}

/** Nothing of a page is delivered. */
export const NOTHING: Selected = { ranges: [], again: [] }

/**
 * Why a reading may lack rows. `count`: Mailchimp counted more than it gave, so that either a row is hidden or the count is
 * wrong, and only another way of reading can tell. `rules`: its filters did not do what the reading relies on, or an open
 * second never came to rest.
 */
export type Lack = "count" | "rules"

/** How many of the first `end` rows are of this second or before, counted from behind, where those after it are. */
export function countUpTo(page: Page, end: number, second: Second): number {
  let rows = end
  while (rows > 0 && (page.second(rows - 1) ?? Number.NEGATIVE_INFINITY) > second) rows -= 1
  return rows
}

/** Asks a question, when its time has come. */
export async function ask(request: PageRequest, source: Source, signal: AbortSignal): Promise<Page> {
  const { query, notBefore, pauseS } = request
  if (notBefore !== undefined) await source.waitUntil(notBefore.second, notBefore.mostS, signal)
  if (pauseS !== undefined) await source.pause(pauseS, signal)
  return source.read(query, signal)
}
