import type { z } from "zod"
import type { MailchimpClient, MailchimpRequest } from "./client.ts"
import { createMailchimpError } from "./errors.ts"

/** One page of a collection, and how many items there are in all. */
type CollectionPage<T> = { readonly items: readonly T[]; readonly totalItems: number }

type Collection<T> = Pick<
  MailchimpRequest<T>,
  "action" | "listId" | "resource" | "signal" | "timeoutMs" | "deadlineMs"
> & {
  /** The query's parameters besides count and offset. The order must be stable. */
  readonly query: Readonly<Record<string, string>>
  readonly schema: z.ZodType<CollectionPage<T>>
  key(item: T): string
}

const pageSize = 1000
const longestTry = 5

/**
 * Yields every item of a small collection that is paged by offset, each once, a page at a time.
 *
 * An item that is deleted meanwhile moves all later ones forward, and the next page would skip one unseen. So each
 * page overlaps the one before by an item; where that is another one, the collection is read again from its
 * beginning.
 */
export async function* listAll<T>(client: MailchimpClient, collection: Collection<T>): AsyncGenerator<T> {
  const { schema, key, query, ...request } = collection
  const yielded = new Set<string>()

  const readPage = (offset: number) =>
    client.request({
      ...request,
      query: () => ({ ...query, count: pageSize, offset }),
      parse: (body) => {
        const page = schema.parse(JSON.parse(new TextDecoder().decode(body)))
        const isLast = offset + page.items.length >= page.totalItems
        // One item is no more than the overlap, and an answer that leads nowhere must not be followed.
        if (!isLast && page.items.length < 2) throw new Error("The page lacks its items")
        return page
      },
    })

  for (let made = 0; made < longestTry; made += 1) {
    let last: string | undefined
    let offset = 0
    for (;;) {
      const { items, totalItems } = await readPage(offset)
      const [first] = items
      if (last !== undefined && (first === undefined || key(first) !== last)) break
      for (const item of items) {
        last = key(item)
        if (yielded.has(last)) continue
        yielded.add(last)
        yield item
      }
      if (offset + items.length >= totalItems) return
      offset += items.length - 1
    }
  }
  throw createMailchimpError("unusable_answer", { ...request, secrets: [] })
}
