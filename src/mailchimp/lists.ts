import { z } from "zod"
import type { MailchimpClient } from "./client.ts"
import { listAll } from "./list-all.ts"

/** An audience. The counts are up to some minutes old, as Mailchimp caches them. */
export type MailchimpList = {
  readonly id: string
  readonly name: string
  /** Subscribed members only. */
  readonly memberCount: number
  readonly unsubscribeCount: number
  readonly cleanedCount: number
}

/** A column that a list's owner added to its members. */
export type MergeField = {
  /** Its key in a member's `merge_fields`, such as `FNAME`. */
  readonly tag: string
  readonly name: string
  /** Mailchimp's name of the type, such as `text` or `address`. */
  readonly type: string
}

type AskOptions = { readonly signal: AbortSignal; readonly deadlineMs?: number | undefined }

/** Such an answer is small: one that takes longer does not come. */
const timeoutMs = 30_000

const count = z.int().nonnegative().catch(0)

const listSchema = z
  .object({
    id: z.string().min(1),
    name: z.string().catch(""),
    stats: z
      .object({ member_count: count, unsubscribe_count: count, cleaned_count: count })
      .catch({ member_count: 0, unsubscribe_count: 0, cleaned_count: 0 }),
  })
  .transform(({ id, name, stats }): MailchimpList => ({
    id,
    name,
    memberCount: stats.member_count,
    unsubscribeCount: stats.unsubscribe_count,
    cleanedCount: stats.cleaned_count,
  }))

const listFields = [
  "id",
  "name",
  "stats.member_count",
  "stats.unsubscribe_count",
  "stats.cleaned_count",
] as const

const listsSchema = z
  .object({ lists: z.array(listSchema), total_items: z.int().nonnegative() })
  .transform(({ lists, total_items }) => ({ items: lists, totalItems: total_items }))

/** Yields every list of the account, the oldest first. Lists made or deleted meanwhile hide none of the others. */
export function listLists(client: MailchimpClient, options: AskOptions): AsyncGenerator<MailchimpList> {
  return listAll(client, {
    ...options,
    timeoutMs,
    action: "read the lists",
    query: {
      sort_field: "date_created",
      sort_dir: "ASC",
      fields: [...listFields.map((field) => `lists.${field}`), "total_items"].join(","),
    },
    schema: listsSchema,
    key: ({ id }) => id,
  })
}

/** Reads one list. Rejects with `list_not_found`. */
export function readList(
  client: MailchimpClient,
  listId: string,
  options: AskOptions,
): Promise<MailchimpList> {
  return client.request({
    ...options,
    timeoutMs,
    action: "read the list",
    listId,
    query: () => ({ fields: listFields.join(",") }),
    parse: (body) => listSchema.parse(JSON.parse(new TextDecoder().decode(body))),
  })
}

const mergeFieldsSchema = z
  .object({
    merge_fields: z.array(z.object({ tag: z.string().min(1), name: z.string(), type: z.string() })),
    total_items: z.int().nonnegative(),
  })
  .transform(({ merge_fields, total_items }) => ({ items: merge_fields, totalItems: total_items }))

/** Reads the merge fields of a list, all of them. EMAIL, which every list has, is not among them. */
export function readMergeFields(
  client: MailchimpClient,
  listId: string,
  options: AskOptions,
): Promise<MergeField[]> {
  const fields = listAll(client, {
    ...options,
    timeoutMs,
    action: "read the merge fields",
    listId,
    resource: "merge-fields",
    query: { fields: "merge_fields.tag,merge_fields.name,merge_fields.type,total_items" },
    schema: mergeFieldsSchema,
    key: ({ tag }) => tag,
  })
  return Array.fromAsync(fields)
}
