import type { MailchimpClient } from "../client.ts"
import { MailchimpError } from "../errors.ts"
import { smallResponseTimeoutMs } from "../lists/collection.ts"

/**
 * Whether a list has a member with this id, archived or not. Only Mailchimp's own error proves that there is none: the 404
 * of a gateway has no title, and rejects.
 */
export async function hasMember(
  client: MailchimpClient,
  { listId, memberId }: { readonly listId: string; readonly memberId: string },
  signal: AbortSignal,
): Promise<boolean> {
  const request = {
    signal,
    timeoutMs: smallResponseTimeoutMs,
    action: "read the member",
    listId,
    resource: `members/${memberId}`,
    query: () => ({ fields: "id" }),
    parse: (body: Uint8Array) => JSON.parse(new TextDecoder().decode(body)) !== null,
  }
  try {
    return await client.request(request)
  } catch (error) {
    const isGone =
      error instanceof MailchimpError && error.kind === "not_found" && error.upstream?.title !== undefined
    if (isGone) return false
    throw error
  }
}
