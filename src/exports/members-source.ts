import type { Account } from "../connections/open-account.ts"
import type { MailchimpList } from "../mailchimp/lists/lists.ts"
import { createReadMembers } from "../mailchimp/members/read-members.ts"
import type { Source } from "../scan/source.ts"
import { createExpectedRows } from "./expected-rows.ts"
import { toFieldsQuery } from "./fields-query.ts"
import type { Selection } from "./selection.ts"

/** Mailchimp as the scan's source: requests the selected fields and splits the responses into rows. */
export function createMembersSource(
  { client, spare, onAllowanceChange }: Account,
  selection: Selection,
  {
    lists,
    cellFields,
    ...options
  }: {
    readonly lists: readonly MailchimpList[]
    readonly pageSize: number
    /** See {@link toFieldsQuery}. */
    readonly cellFields: readonly string[] | undefined
    readonly deadlineMs: () => number | undefined
  },
): Source {
  const read = createReadMembers(client, { ...options, ...toFieldsQuery(selection, cellFields) })
  const { now, waitUntil, pause } = client
  const expected = createExpectedRows(lists, options.pageSize, spare)
  return { read, now, waitUntil, pause, spare, onSpare: onAllowanceChange, expected }
}
