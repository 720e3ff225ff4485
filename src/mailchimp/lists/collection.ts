import { z } from "zod"
import type { MailchimpRequest } from "../attempt.ts"

/** How long one reading of the lists, or of what belongs to a list, may take. */
export type ReadOptions = {
  readonly signal: AbortSignal
  /** When this time has passed, no other page is requested: one deadline for all pages. */
  readonly deadlineMs?: number | undefined
}

/** A small collection that is paged by offset, such as the lists of an account. */
export type Collection<T> = ReadOptions &
  Pick<MailchimpRequest<T>, "action" | "listId" | "resource"> & {
    /** The query parameters besides count and offset. The order of the items must be stable. */
    readonly query: Readonly<Record<string, string>>
    readonly schema: z.ZodType<CollectionPage<T>>
    key(item: T): string
  }

/** One page of a collection, and how many items the collection has. */
export type CollectionPage<T> = { readonly items: readonly T[]; readonly totalItems: number }

/** A response about a list, or about one member, is small: if it takes longer, it will not come. */
export const smallResponseTimeoutMs = 30_000

/** The schema of a page whose items are in the array `name`. Mailchimp may omit the array of an empty collection. */
export function pageOf<T>(name: string, item: z.ZodType<T>): z.ZodType<CollectionPage<T>> {
  const page = z.object({ items: z.array(item).optional(), total_items: z.int().nonnegative() })
  return z
    .preprocess((body) => {
      const { [name]: items, total_items } = envelope.parse(body)
      return { items, total_items }
    }, page)
    .refine(({ items, total_items }) => items !== undefined || total_items === 0)
    .transform(({ items = [], total_items }) => ({ items, totalItems: total_items }))
}

const envelope = z.record(z.string(), z.unknown()).catch({})

/** The value of a JSON body, checked. Throws if it is not what the schema says. */
export function parseJson<T>(schema: z.ZodType<T>, body: Uint8Array): T {
  return schema.parse(JSON.parse(new TextDecoder().decode(body)))
}
