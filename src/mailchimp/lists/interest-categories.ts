import { z } from "zod"
import { isListId, type MailchimpClient } from "../client.ts"
import { MailchimpError } from "../errors.ts"
import { listAll } from "./list-all.ts"

/** A question to a list's members, with the interests that they choose from. */
export type InterestCategory = {
  readonly id: string
  readonly title: string
  readonly interests: readonly {
    /** Its key in a member's `interests`. */
    readonly id: string
    readonly name: string
  }[]
}

type RequestOptions = { readonly signal: AbortSignal; readonly deadlineMs?: number | undefined }

/** Such a response is small: if it takes longer, it will not come. */
const timeoutMs = 30_000

const totalItems = z.int().nonnegative()
const text = z.string().catch("")

/** A malformed entry must not hide the others. */
const category = z.object({ id: text, title: text }).catch({ id: "", title: "" })
const interest = z.object({ id: text, name: text }).catch({ id: "", name: "" })

/** Mailchimp may omit the array of an empty collection. */
const categoriesSchema = z
  .object({ categories: z.array(category).optional(), total_items: totalItems })
  .refine(({ categories, total_items }) => categories !== undefined || total_items === 0)
  .transform(({ categories = [], total_items }) => ({ items: categories, totalItems: total_items }))

const interestsSchema = z
  .object({ interests: z.array(interest).optional(), total_items: totalItems })
  .refine(({ interests, total_items }) => interests !== undefined || total_items === 0)
  .transform(({ interests = [], total_items }) => ({ items: interests, totalItems: total_items }))

/**
 * Reads the interest categories of a list, and the interests of all categories concurrently. Interests without an id are left
 * out, because no member could have them. `deadlineMs` is for all requests together.
 */
export async function readInterestCategories(
  client: MailchimpClient,
  listId: string,
  { signal, deadlineMs }: RequestOptions,
): Promise<InterestCategory[]> {
  const leftMs = client.deadline(deadlineMs)
  const collection = { listId, signal, timeoutMs }
  const categories = listAll(client, {
    ...collection,
    deadlineMs: leftMs(),
    action: "read the interest categories",
    resource: "interest-categories",
    query: { fields: "categories.id,categories.title,total_items" },
    schema: categoriesSchema,
    key: ({ id }) => id,
  })
  const readInterests = (categoryId: string) =>
    Array.fromAsync(
      listAll(client, {
        ...collection,
        deadlineMs: leftMs(),
        action: "read the interests",
        resource: `interest-categories/${categoryId}/interests`,
        query: { fields: "interests.id,interests.name,total_items" },
        schema: interestsSchema,
        key: ({ id }) => id,
      }),
    )
  // The id becomes part of a path.
  const valid = (await Array.fromAsync(categories)).filter(({ id }) => isListId(id))
  const withInterests = valid.map(async ({ id, title }) => {
    const interests = await readInterests(id).catch(toNoneIfDeleted)
    return { id, title, interests: interests.filter(({ id }) => id !== "") }
  })
  return Promise.all(withInterests)
}

/** A category that was deleted after it was listed has no interests. If the list was deleted, other requests fail. */
function toNoneIfDeleted(error: unknown): [] {
  if (error instanceof MailchimpError && error.kind === "not_found") return []
  throw error
}
