import { z } from "zod"
import { isListId } from "../address.ts"
import type { MailchimpClient } from "../client.ts"
import { MailchimpError } from "../errors.ts"
import { pageOf, parseJson, type ReadOptions, smallResponseTimeoutMs } from "./collection.ts"
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

const count = z.int().nonnegative().catch(0)
const noStats = { member_count: 0, unsubscribe_count: 0, cleaned_count: 0 }

/** Every field that can be read is kept. */
const shape = {
  web_id: z.int().optional().catch(undefined),
  name: z.string().catch(""),
  stats: z.object({ member_count: count, unsubscribe_count: count, cleaned_count: count }).catch(noStats),
}

const listSchema = z.object({ ...shape, id: z.string().min(1) }).transform(toList)

/** A malformed entry must not hide the others. */
const listEntrySchema = z
  .object({ ...shape, id: z.unknown().optional().transform(toId) })
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

/**
 * Yields every list of the account, the oldest first. Lists created or deleted meanwhile hide none of the others.
 *
 * A list with an invalid id is yielded, too, with its id as Mailchimp sent it, or "" if there is none. Requests for it or its
 * members are never sent, and reject with `list_not_found`. `deadlineMs` is for all pages together.
 */
export function listLists(client: MailchimpClient, options: ReadOptions): AsyncGenerator<MailchimpList> {
  return listAll(client, {
    ...options,
    action: "read the lists",
    query: {
      sort_field: "date_created",
      sort_dir: "ASC",
      fields: [...listFields.map((field) => `lists.${field}`), "total_items"].join(","),
    },
    schema: pageOf("lists", listEntrySchema),
    key: ({ id, name }) => (isListId(id) ? id : JSON.stringify([id, name])),
  })
}

/** Reads one list. Rejects with `list_not_found`. */
export function readList(
  client: MailchimpClient,
  listId: string,
  options: ReadOptions,
): Promise<MailchimpList> {
  return client
    .request({
      ...options,
      timeoutMs: smallResponseTimeoutMs,
      action: "read the list",
      listId,
      query: () => ({ fields: listFields.join(",") }),
      parse: (body) => parseJson(listSchema, body),
    })
    .catch((error: unknown) => {
      throw error instanceof MailchimpError && error.kind === "not_found" ? unknownList(listId, error) : error
    })
}

function unknownList(listId: string, cause: MailchimpError): MailchimpError {
  const reason = looksLikeWebId(listId)
    ? `${listId} is not the id of a list: it looks like the web id in the URLs of Mailchimp's pages, and /lists shows both`
    : `Mailchimp knows no list ${listId}: /lists shows the ids`
  return new MailchimpError("not_found", `Cannot read the list because ${reason}`, {
    upstream: cause.upstream,
    cause,
  })
}

/** Ids have ten hexadecimal digits; web ids are consecutive numbers. */
function looksLikeWebId(listId: string): boolean {
  return /^\d{1,9}$/.test(listId)
}
