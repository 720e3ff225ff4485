import type { InterestCategory } from "../../../mailchimp/lists/interest-categories.ts"
import type { MergeField } from "../../../mailchimp/lists/merge-fields.ts"

/** What the columns of a CSV file depend on in one exported list. */
export type ListColumns = {
  readonly id: string
  readonly name: string
  readonly mergeFields: readonly MergeField[]
  readonly interestCategories: readonly InterestCategory[]
}

export type ListColumnReaders = {
  readonly readMergeFields: (listId: string, signal: AbortSignal) => Promise<readonly MergeField[]>
  readonly readInterestCategories: (
    listId: string,
    signal: AbortSignal,
  ) => Promise<readonly InterestCategory[]>
}

/**
 * Reads the merge fields and interests of all lists concurrently: the limiter of requests bounds how many are in flight. What
 * is excluded as a whole is not read.
 */
export function readListColumns(
  lists: readonly { readonly id: string; readonly name: string }[],
  { readMergeFields, readInterestCategories }: ListColumnReaders,
  { excludeFields, signal }: { readonly excludeFields: readonly string[]; readonly signal: AbortSignal },
): Promise<ListColumns[]> {
  return Promise.all(
    lists.map(async ({ id, name }) => {
      const [mergeFields, interestCategories] = await Promise.all([
        excludeFields.includes("merge_fields") ? [] : readMergeFields(id, signal),
        excludeFields.includes("interests") ? [] : readInterestCategories(id, signal),
      ])
      return { id, name, mergeFields, interestCategories }
    }),
  )
}
