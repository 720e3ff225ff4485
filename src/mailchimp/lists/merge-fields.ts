import { z } from "zod"
import type { MailchimpClient } from "../client.ts"
import { pageOf, type ReadOptions } from "./collection.ts"
import { listAll } from "./list-all.ts"

/** A column that a list's owner added to its members. */
export type MergeField = {
  /** Its key in a member's `merge_fields`, such as `FNAME`. */
  readonly tag: string
  readonly name: string
  /** Mailchimp's name of the type, such as `text` or `address`. */
  readonly type: string
}

const noMergeField = { tag: "", name: "", type: "" }
const mergeFieldSchema = z
  .object({ tag: z.string().catch(""), name: z.string().catch(""), type: z.string().catch("") })
  .catch(noMergeField)

/**
 * Reads all merge fields of a list, except EMAIL, which every list has and Mailchimp does not return, and except fields
 * without a tag, which no member could have. `deadlineMs` is for all pages together.
 */
export async function readMergeFields(
  client: MailchimpClient,
  listId: string,
  options: ReadOptions,
): Promise<MergeField[]> {
  const fields = listAll(client, {
    ...options,
    action: "read the merge fields",
    listId,
    resource: "merge-fields",
    query: { fields: "merge_fields.tag,merge_fields.name,merge_fields.type,total_items" },
    schema: pageOf("merge_fields", mergeFieldSchema),
    key: ({ tag, name }) => tag || JSON.stringify([tag, name]),
  })
  return (await Array.fromAsync(fields)).filter(({ tag }) => tag !== "")
}
