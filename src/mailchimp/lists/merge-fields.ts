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
  /** The values of a dropdown or of radio buttons. */
  readonly choices?: readonly string[] | undefined
}

const text = z.string().catch("")
const noOptions = { choices: undefined }
const options = z.object({ choices: z.array(z.string()).optional() }).catch(noOptions)
const mergeFieldSchema = z
  .object({ tag: text, name: text, type: text, options })
  .catch({ tag: "", name: "", type: "", options: noOptions })
  .transform(({ options, ...field }): MergeField => ({ ...field, choices: options.choices }))

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
    query: {
      fields: "merge_fields.tag,merge_fields.name,merge_fields.type,merge_fields.options.choices,total_items",
    },
    schema: pageOf("merge_fields", mergeFieldSchema),
    key: ({ tag, name }) => tag || JSON.stringify([tag, name]),
  })
  return (await Array.fromAsync(fields)).filter(({ tag }) => tag !== "")
}
