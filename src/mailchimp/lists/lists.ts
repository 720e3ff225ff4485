import { z } from "zod"
import { isListId } from "../address.ts"
import type { MailchimpClient } from "../client.ts"
import { MailchimpError } from "../errors.ts"
import { listAll } from "./list-all.ts"

/** An audience. The counts may be some minutes old, because Mailchimp caches them. */
export type MailchimpList = {
  readonly id: string
  readonly name: string
  /** The number of the list in the URLs of Mailchimp's own pages. */
  readonly webId?: number | undefined
  /** Only subscribed members. */
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

type RequestOptions = { readonly signal: AbortSignal; readonly deadlineMs?: number | undefined }

/** Such a response is small: if it takes longer, it will not come. */
const timeoutMs = 30_000

const count = z.int().nonnegative().catch(0)

const statsShape = { member_count: count, unsubscribe_count: count, cleaned_count: count }
const webId = z.int().optional().catch(undefined)
const noStats = { member_count: 0, unsubscribe_count: 0, cleaned_count: 0 }

const listSchema = z
  .object({
    id: z.string().min(1),
    web_id: webId,
    name: z.string().catch(""),
    stats: z.object(statsShape).catch(noStats),
  })
  .transform(toList)

/** A malformed entry must not hide the others, so every field that can be read is kept. */
const listEntrySchema = z
  .object({
    id: z.unknown().optional().transform(toId),
    web_id: webId,
    name: z.string().catch(""),
    stats: z.object(statsShape).catch(noStats),
  })
  .catch({ id: "", web_id: undefined, name: "", stats: noStats })
  .transform(toList)

/** An id that is not a string is converted, so that errors can name it. */
function toId(id: unknown): string {
  return typeof id === "string" ? id : (JSON.stringify(id) ?? "")
}

function toList({
  id,
  web_id,
  name,
  stats,
}: {
  id: string
  web_id?: number | undefined
  name: string
  stats: typeof noStats
}): MailchimpList {
  return {
    id,
    webId: web_id,
    name,
    memberCount: stats.member_count,
    unsubscribeCount: stats.unsubscribe_count,
    cleanedCount: stats.cleaned_count,
  }
}

const listFields = [
  "id",
  "web_id",
  "name",
  "stats.member_count",
  "stats.unsubscribe_count",
  "stats.cleaned_count",
] as const

const totalItems = z.int().nonnegative()

/** Mailchimp may omit the array of an empty collection. */
const listsSchema = z
  .object({ lists: z.array(listEntrySchema).optional(), total_items: totalItems })
  .refine(({ lists, total_items }) => lists !== undefined || total_items === 0)
  .transform(({ lists = [], total_items }) => ({ items: lists, totalItems: total_items }))

/**
 * Yields every list of the account, the oldest first. Lists created or deleted meanwhile hide none of the others.
 *
 * A list with an invalid id is yielded, too, with its id as Mailchimp sent it, or "" if there is none. Requests for it or its
 * members are never sent, and reject with `list_not_found`. `deadlineMs` is for all pages together.
 */
export function listLists(client: MailchimpClient, options: RequestOptions): AsyncGenerator<MailchimpList> {
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
    key: ({ id, name }) => (isListId(id) ? id : JSON.stringify([id, name])),
  })
}

/** Reads one list. Rejects with `list_not_found`. */
export function readList(
  client: MailchimpClient,
  listId: string,
  options: RequestOptions,
): Promise<MailchimpList> {
  return client
    .request({
      ...options,
      timeoutMs,
      action: "read the list",
      listId,
      query: () => ({ fields: listFields.join(",") }),
      parse: (body) => listSchema.parse(JSON.parse(new TextDecoder().decode(body))),
    })
    .catch((error: unknown) => {
      throw error instanceof MailchimpError && error.kind === "not_found" && looksLikeWebId(listId)
        ? new MailchimpError(
            "not_found",
            `Cannot read the list because ${listId} is not the id of a list: it looks like the web id in the URLs of Mailchimp's pages, and /lists shows both`,
            { upstream: error.upstream, cause: error },
          )
        : error
    })
}

/** Ids have ten hexadecimal digits; web ids are consecutive numbers. */
function looksLikeWebId(listId: string): boolean {
  return /^\d{1,9}$/.test(listId)
}

const noMergeField = { tag: "", name: "", type: "" }
const mergeFieldSchema = z
  .object({ tag: z.string().catch(""), name: z.string().catch(""), type: z.string().catch("") })
  .catch(noMergeField)

const mergeFieldsSchema = z
  .object({
    merge_fields: z.array(mergeFieldSchema).optional(),
    total_items: totalItems,
  })
  .refine(({ merge_fields, total_items }) => merge_fields !== undefined || total_items === 0)
  .transform(({ merge_fields = [], total_items }) => ({ items: merge_fields, totalItems: total_items }))

/**
 * Reads all merge fields of a list, except EMAIL, which every list has and Mailchimp does not return, and except fields
 * without a tag, which no member could have. `deadlineMs` is for all pages together.
 */
export async function readMergeFields(
  client: MailchimpClient,
  listId: string,
  options: RequestOptions,
): Promise<MergeField[]> {
  const fields = listAll(client, {
    ...options,
    timeoutMs,
    action: "read the merge fields",
    listId,
    resource: "merge-fields",
    query: { fields: "merge_fields.tag,merge_fields.name,merge_fields.type,total_items" },
    schema: mergeFieldsSchema,
    key: ({ tag, name }) => tag || JSON.stringify([tag, name]),
  })
  return (await Array.fromAsync(fields)).filter(({ tag }) => tag !== "")
}
