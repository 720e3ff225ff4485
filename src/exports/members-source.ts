import type { Account } from "../connections/open-account.ts"
import type { MailchimpList } from "../mailchimp/lists/lists.ts"
import { createMembersReader } from "../mailchimp/members/read-members.ts"
import { splitMembers } from "../mailchimp/members/split-members.ts"
import type { Page, Source } from "../scan/source.ts"
import { createExpectedRows } from "./expected-rows.ts"
import { toFieldsQuery } from "./fields-query.ts"
import type { Selection } from "./selection.ts"

/** Mailchimp as the scan's source: requests the selected fields and splits the responses into rows. */
export function createMembersSource(
  { client, spare }: Account,
  selection: Selection,
  {
    lists,
    ...options
  }: {
    readonly lists: readonly MailchimpList[]
    readonly pageSize: number
    readonly deadlineMs: () => number | undefined
  },
): Source {
  const { without, ...fields } = toFieldsQuery(selection)
  const reader = createMembersReader<Page>(client, {
    ...options,
    ...fields,
    parsePage: (body, { listId, count, offset, sentAt }) => ({
      ...splitMembers(body, { listId, count, offset, without }),
      count,
      sentAt,
    }),
  })
  return { ...reader, spare, expected: createExpectedRows(lists, options.pageSize, spare) }
}
