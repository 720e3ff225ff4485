import { z } from "zod"
import { isListId } from "../address.ts"
import type { MailchimpClient } from "../client.ts"
import { MailchimpError } from "../errors.ts"
import { pageOf, type ReadOptions } from "./collection.ts"
import { listAll } from "./list-all.ts"

/** An interest that members of a list may have. */
export type Interest = {
  /** Its key in a member's `interests`. */
  readonly id: string
  readonly name: string
  readonly categoryId: string
}

const noEntry = { id: "", name: "" }

/** A malformed entry must not hide the others. */
const entry = z.object({ id: z.string().catch(""), name: z.string().catch("") }).catch(noEntry)

/**
 * Reads all interests of a list, its categories concurrently. Interests without an id are left out, because no member could
 * have them. `deadlineMs` is for all requests together.
 */
export async function readInterests(
  client: MailchimpClient,
  listId: string,
  { signal, deadlineMs }: ReadOptions,
): Promise<Interest[]> {
  const leftMs = client.deadline(deadlineMs)
  const collection = { listId, signal, key: (item: typeof noEntry) => item.id }
  const readCategory = async (categoryId: string): Promise<Interest[]> => {
    const interests = listAll(client, {
      ...collection,
      deadlineMs: leftMs(),
      action: "read the interests",
      resource: `interest-categories/${categoryId}/interests`,
      query: { fields: "interests.id,interests.name,total_items" },
      schema: pageOf("interests", entry),
    })
    return (await Array.fromAsync(interests, ({ id, name }) => ({ id, name, categoryId }))).filter(
      ({ id }) => id !== "",
    )
  }
  const categories = listAll(client, {
    ...collection,
    deadlineMs: leftMs(),
    action: "read the interest categories",
    resource: "interest-categories",
    query: { fields: "categories.id,total_items" },
    schema: pageOf("categories", entry),
  })
  // The id becomes part of a path.
  const ids = (await Array.fromAsync(categories, ({ id }) => id)).filter(isListId)
  return (await Promise.all(ids.map((id) => readCategory(id).catch(toNoneIfDeleted)))).flat()
}

/** A category that was deleted after it was listed has no interests. If the list was deleted, other requests fail. */
function toNoneIfDeleted(error: unknown): Interest[] {
  if (error instanceof MailchimpError && error.kind === "not_found") return []
  throw error
}
