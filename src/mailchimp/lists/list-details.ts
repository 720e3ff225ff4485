import type { MailchimpClient } from "../client.ts"
import type { ReadOptions } from "./collection.ts"
import { type InterestCategory, readInterestCategories } from "./interest-categories.ts"
import { type MailchimpList, readList } from "./lists.ts"
import { type MergeField, readMergeFields } from "./merge-fields.ts"

/** A list, with what its members may have. */
export type ListDetails = MailchimpList & {
  readonly mergeFields: readonly MergeField[]
  readonly interestCategories: readonly InterestCategory[]
}

/**
 * Reads a list, its merge fields and its interests concurrently. Rejects with `list_not_found`. `deadlineMs` is for all requests
 * together.
 */
export async function readListDetails(
  client: MailchimpClient,
  listId: string,
  options: ReadOptions,
): Promise<ListDetails> {
  const list = readList(client, listId, options)
  const fields = Promise.all([
    readMergeFields(client, listId, options),
    readInterestCategories(client, listId, options),
  ])
  // If the list is unknown, all requests fail. The error of the first one says the most.
  fields.catch(() => {})
  const found = await list
  const [mergeFields, interestCategories] = await fields
  return { ...found, mergeFields, interestCategories }
}
