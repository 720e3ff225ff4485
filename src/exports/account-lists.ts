import type { MailchimpClient } from "../mailchimp/client.ts"
import { readInterestCategories } from "../mailchimp/lists/interest-categories.ts"
import { readInterests } from "../mailchimp/lists/interests.ts"
import { type MailchimpList, listLists, readList } from "../mailchimp/lists/lists.ts"
import { readMergeFields } from "../mailchimp/lists/merge-fields.ts"
import type { ListColumnReaders } from "./formats/csv/list-columns.ts"
import { isListError } from "./judge-error.ts"
import type { ListFieldReaders } from "./list-fields.ts"

/** The lists that an export reads, with what it must know of them before the first member. */
export type AccountLists = ListFieldReaders & {
  /** Read what the columns of a CSV file depend on. The response has usually begun, so they may take longer. */
  readonly columnReaders: ListColumnReaders
  /** The one list that was selected, or all lists of the account. */
  readLists(signal: AbortSignal): Promise<readonly MailchimpList[]>
}

/** @param deadlineMs how much longer a request that fails may be retried: see {@link MailchimpRequest} */
export function createAccountLists(
  client: MailchimpClient,
  listId: string | undefined,
  { signal, deadlineMs }: { readonly signal: AbortSignal; readonly deadlineMs: () => number | undefined },
): AccountLists {
  const options = () => ({ signal, deadlineMs: deadlineMs() })
  /** If one of many lists cannot be read, the export reports that itself and exports the others. */
  const noneIfOneOfMany = (error: unknown) => {
    if (listId === undefined && isListError(error)) return []
    throw error
  }
  return {
    readLists: async (signal) =>
      listId === undefined
        ? Array.fromAsync(listLists(client, { ...options(), signal }))
        : [await readList(client, listId, { ...options(), signal })],
    readTags: async (id) => {
      const fields = await readMergeFields(client, id, options()).catch(noneIfOneOfMany)
      return fields.map(({ tag }) => tag)
    },
    readInterestIds: async (id) => {
      const interests = await readInterests(client, id, options()).catch(noneIfOneOfMany)
      return interests.map(({ id }) => id)
    },
    columnReaders: {
      readMergeFields: (id, signal) => readMergeFields(client, id, { signal }).catch(noneIfOneOfMany),
      readInterestCategories: (id, signal) =>
        readInterestCategories(client, id, { signal }).catch(noneIfOneOfMany),
    },
  }
}
