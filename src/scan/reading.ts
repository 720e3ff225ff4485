import type { Selected } from "./deduplicate.ts"
import type { MembersQuery, Page, Second, Source } from "./source.ts"

/** How long to wait before a request is sent. */
export type Delay = {
  /** Wait until Mailchimp's clock shows this second, but at most `maxS` seconds. */
  readonly notBefore?: { readonly second: Second; readonly maxS: number } | undefined
  /** Wait this many seconds. */
  readonly pauseS?: number | undefined
}

/** The next request, and how long to wait before it is sent. */
export type PageRequest = Delay & { readonly query: MembersQuery }

/** The steps of a reading, without any I/O, so that its rules can be read and tested alone. */
export type Reading = {
  /** Takes the next request. Undefined while a response has to arrive first, and after the end. */
  nextRequest(): PageRequest | undefined
  /** Takes the response to a request, and returns the rows of it to deliver. */
  receive(page: Page, request: PageRequest): Selected
  /** Whether the reading has ended and no response is pending. */
  isDone(): boolean
}

/** How often a request is repeated whose response has no new row while more rows are counted than were seen. */
export const MAX_REPEATS = 3

/** Seconds to pause before a repeat, doubled each time: one, two, four. */
export function pauseBefore(repeat: number): number {
  return 2 ** (repeat - 1)
}

/** Whether the page is the last one of its query: shorter than requested, and all counted rows are reached. */
export function reachesEnd(page: Page, offset: number): boolean {
  // rule: a short page is not the end while more rows are counted
  // rule: a full page is not the end, whatever is counted
  return page.length < page.count && offset + page.length >= page.totalItems
}

/** No row of a page is delivered. */
export const NOTHING: Selected = { ranges: [], again: [] }

/** Why a reading may lack rows. */
export type Lack =
  /** Mailchimp counted more rows than it returned: either rows are hidden or the count is wrong. A recount tells which. */
  | "count"
  /** Mailchimp's filters did not behave as the reading relies on, or an open second never settled. */
  | "rules"

/** The more serious of two reasons: a recount can still prove a wrong count. */
export function worse(one: Lack | undefined, other: Lack | undefined): Lack | undefined {
  return one === "rules" ? one : (other ?? one)
}

/** How many of the first `end` rows are of this second or earlier. Scans from the end, because later rows are there. */
export function countUpTo(page: Page, end: number, second: Second): number {
  let rows = end
  while (rows > 0 && (page.second(rows - 1) ?? Number.NEGATIVE_INFINITY) > second) rows -= 1
  return rows
}

/** Sends a request after its `notBefore` and `pauseS`. */
export async function requestPage(request: PageRequest, source: Source, signal: AbortSignal): Promise<Page> {
  const { query, notBefore, pauseS } = request
  if (notBefore !== undefined) await source.waitUntil(notBefore.second, notBefore.maxS, signal)
  if (pauseS !== undefined) await source.pause(pauseS, signal)
  return source.read(query, signal)
}
