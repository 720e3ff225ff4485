import type { MailchimpClient } from "../mailchimp/client.ts"
import { readInterestCategories } from "../mailchimp/lists/interest-categories.ts"
import { type MailchimpList, listLists, readList } from "../mailchimp/lists/lists.ts"
import { readMergeFields } from "../mailchimp/lists/merge-fields.ts"
import type { ListColumnReaders } from "./formats/csv/list-columns.ts"
import { isListError } from "./judge-error.ts"
import type { ListFieldReaders } from "./list-fields.ts"

/** The lists that an export reads, with what it must know of them before the first member. */
export type AccountLists = ListFieldReaders & {
  /** Read what the columns of a CSV file depend on. The response has usually begun, so they may take longer. */
  readonly columnReaders: ListColumnReaders
  /**
   * The lists that were selected. Rejects with `list_not_found` if one of them is unknown. If the export continues another one
   * of several lists, an unknown list was deleted since, and is left out.
   */
  readLists(signal: AbortSignal): Promise<readonly MailchimpList[]>
  /** All lists of the account. */
  readAllLists(signal: AbortSignal): Promise<readonly MailchimpList[]>
}

/**
 * @param isContinued whether the export continues another one with the same lists
 * @param deadlineMs how much longer a request that fails may be retried: see {@link MailchimpRequest}
 */
export function createAccountLists(
  client: MailchimpClient,
  listIds: readonly string[] | undefined,
  {
    signal,
    isContinued,
    deadlineMs,
  }: {
    readonly signal: AbortSignal
    readonly isContinued: boolean
    readonly deadlineMs: () => number | undefined
  },
): AccountLists {
  const options = () => ({ signal, deadlineMs: deadlineMs() })
  /** If one of many lists cannot be read, the export reports that itself and exports the others. */
  const noneIfOneOfMany = (error: unknown) => {
    if (listIds?.length !== 1 && isListError(error)) return []
    throw error
  }
  const readAllLists = (signal: AbortSignal) => Array.fromAsync(listLists(client, { ...options(), signal }))
  return {
    readAllLists,
    readLists: async (signal) => {
      if (listIds === undefined) return readAllLists(signal)
      // A request for all lists takes less than one for each.
      const known = listIds.length === 1 ? [] : await readAllLists(signal)
      if (isContinued && listIds.length > 1)
        return listIds.flatMap((listId) => known.filter(({ id }) => id === listId))
      // The error about an unknown list comes from a request for that list.
      const find = async (listId: string) =>
        known.find(({ id }) => id === listId) ?? readList(client, listId, { ...options(), signal })
      return Promise.all(listIds.map(find))
    },
    readTags: async (id) => {
      const fields = await readMergeFields(client, id, options()).catch(noneIfOneOfMany)
      return fields.map(({ tag }) => tag)
    },
    readInterestIds: async (id) => {
      const categories = await readInterestCategories(client, id, options()).catch(noneIfOneOfMany)
      return categories.flatMap(({ interests }) => interests.map(({ id }) => id))
    },
    columnReaders: {
      readMergeFields: (id, signal) => readMergeFields(client, id, { signal }).catch(noneIfOneOfMany),
      readInterestCategories: (id, signal) =>
        readInterestCategories(client, id, { signal }).catch(noneIfOneOfMany),
    },
  }
}
