import { z } from "zod"
import { isListId } from "../address.ts"
import type { MailchimpClient } from "../client.ts"
import { MailchimpError } from "../errors.ts"
import { pageOf, type ReadOptions } from "./collection.ts"
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

const text = z.string().catch("")

/** A malformed entry must not hide the others. */
const category = z.object({ id: text, title: text }).catch({ id: "", title: "" })
const interest = z.object({ id: text, name: text }).catch({ id: "", name: "" })

/**
 * Reads the interest categories of a list, and the interests of all categories concurrently. Interests without an id are left
 * out, because no member could have them. `deadlineMs` is for all requests together.
 */
export async function readInterestCategories(
  client: MailchimpClient,
  listId: string,
  { signal, deadlineMs }: ReadOptions,
): Promise<InterestCategory[]> {
  const leftMs = client.deadline(deadlineMs)
  const collection = { listId, signal }
  const categories = listAll(client, {
    ...collection,
    deadlineMs: leftMs(),
    action: "read the interest categories",
    resource: "interest-categories",
    query: { fields: "categories.id,categories.title,total_items" },
    schema: pageOf("categories", category),
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
        schema: pageOf("interests", interest),
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
