import type { MailchimpClient } from "../client.ts"
import { createMailchimpError, type MailchimpError } from "../errors.ts"
import { createPageFailures } from "../members/page-size.ts"
import { type Collection, type CollectionPage, parseJson, smallResponseTimeoutMs } from "./collection.ts"

type Walk<T> = Collection<T> & {
  readonly client: MailchimpClient
  readonly leftMs: () => number
  readonly yielded: Set<string>
  readonly isFirst: boolean
}

const maxWalks = 5
/** No account has this many lists: a larger collection is taken to be endless. */
const maxItems = 100_000
/** A page with too few items may be a momentary failure, so it is retried. The third such page is accepted as the end. */
const maxDoubts = 3

/**
 * Yields every item of a small collection that is paged by offset, each once, one page at a time.
 *
 * If an item is deleted meanwhile, all later items move forward, and the next page would skip an item. So each page overlaps
 * the previous page by one item; if the item there is another one, the collection is read again from its beginning. A page
 * that fails is halved: see {@link createPageFailures}.
 *
 * Mailchimp's count of the items may be wrong. So a full page may be followed by another, and a page without a new item is
 * the end. A count that differs is reported.
 */
export async function* listAll<T>(client: MailchimpClient, collection: Collection<T>): AsyncGenerator<T> {
  const leftMs = client.deadline(collection.deadlineMs)
  const yielded = new Set<string>()
  for (let made = 0; made < maxWalks; made += 1) {
    const hasMoved = yield* walk({ ...collection, client, leftMs, yielded, isFirst: made === 0 })
    if (!hasMoved) return
  }
  throw endless(collection)
}

/** Reads the pages once. Returns whether items moved meanwhile, so that some may have been missed. */
async function* walk<T>(options: Walk<T>): AsyncGenerator<T, boolean> {
  const { key, yielded, isFirst } = options
  /** The key of the last item, with which the next page begins. */
  let overlap: string | undefined
  /** The first keys of the first and the latest page: only a server that ignores the offset returns them again. */
  let starts: string[] = []
  for (let offset = 0; offset <= maxItems;) {
    const { items, totalItems, count } = await readPage(options, offset, overlap === undefined ? 1 : 2)
    const [first, second] = items
    if (first === undefined && totalItems < offset) return true
    if (first !== undefined && overlap !== undefined && key(first) !== overlap) {
      if (!starts.includes(key(first))) return true
      reportCount(options, yielded.size, totalItems)
      return false
    }
    starts = [...starts.slice(0, 1), ...(first === undefined ? [] : [key(first)])]

    const before = yielded.size
    for (const item of items) {
      const itemKey = key(item)
      if (yielded.has(itemKey)) continue
      yielded.add(itemKey)
      yield item
    }
    const reached = offset + items.length
    const hasMore = items.length >= count || reached < totalItems
    const isRepeated = isFirst && yielded.size === before
    const isOverlapAlone = overlap !== undefined && second === undefined
    if (!hasMore || first === undefined || isRepeated || isOverlapAlone) {
      reportCount(options, reached, totalItems)
      return false
    }
    // If a page of a single item overlapped, it would never advance.
    overlap = second === undefined ? undefined : items.slice(-1).map(key)[0]
    offset = overlap === undefined ? reached : reached - 1
  }
  throw endless(options)
}

function reportCount({ client, action, listId }: Walk<unknown>, items: number, totalItems: number): void {
  if (items !== totalItems) client.report({ type: "count_differs", action, listId, items, totalItems })
}

/**
 * Reads one page. Returns also how many items its successful attempt requested.
 *
 * @param fewest how many items the page has unless it is the end: one, or two if the first is the overlap
 */
async function readPage<T>(
  options: Walk<T>,
  offset: number,
  fewest: number,
): Promise<CollectionPage<T> & { count: number }> {
  const { client, schema, query, leftMs, action, listId, resource, signal } = options
  const request = {
    action,
    signal,
    timeoutMs: smallResponseTimeoutMs,
    ...(listId !== undefined && { listId }),
    ...(resource !== undefined && { resource }),
  }
  if (offset > 0 && leftMs() === 0) throw createMailchimpError("timed_out", { action, listId })
  const size = client.pages.size([resource ?? "lists", listId ?? ""].join(" "))
  const fail = createPageFailures(size)
  let count = 0
  let doubts = 0
  let isDoubt = false
  return client.request({
    ...request,
    deadlineMs: leftMs,
    query: () => {
      isDoubt = false
      count = size.current()
      return { ...query, count, offset }
    },
    parse: (body) => {
      const page = parseJson(schema, body)
      isDoubt = page.items.length < fewest && offset + page.items.length < page.totalItems
      if (isDoubt) doubts += 1
      const isNothing = offset === 0 && page.items.length === 0
      if (isDoubt && (isNothing || doubts < maxDoubts)) throw new Error("The page lacks its items")
      size.succeeded(count)
      return { ...page, count }
    },
    onFailure: (error) => {
      if (!isDoubt) fail(error, count)
    },
    isEased: () => size.current() < count,
  })
}

function endless({ action, listId }: Pick<Collection<unknown>, "action" | "listId">): MailchimpError {
  return createMailchimpError("unusable_response", { action, listId })
}
