import type { ConnectionCache } from "../connections/connection-cache.ts"
import type { Owner } from "../connections/connection.ts"
import type { OpenAccount } from "../connections/open-account.ts"
import { listLists, type MailchimpList } from "../mailchimp/lists/lists.ts"
import { beforeResponseMs } from "./response-deadline.ts"

/**
 * The lists of the owner's account, which may have been kept for a while. An export reads them anew: what is kept never decides
 * what is exported.
 */
export type ReadLists = (
  owner: Owner,
  options: { readonly signal: AbortSignal; readonly refresh: boolean },
) => Promise<{
  readonly connectionId: string
  readonly lists: readonly MailchimpList[]
  readonly ageS: number
}>

export function createReadLists(deps: {
  readonly requireLiveConnection: (owner: Owner) => Promise<{ readonly id: string }>
  readonly openAccount: OpenAccount
  readonly cache: ConnectionCache<readonly MailchimpList[]>
}): ReadLists {
  return async (owner, options) => {
    // The connection is read first: if it was deleted, nothing of it is shown.
    const { id } = await deps.requireLiveConnection(owner)
    const load = async (signal: AbortSignal) => {
      using account = await deps.openAccount(owner, signal)
      return Array.fromAsync(listLists(account.client, { signal, deadlineMs: beforeResponseMs }))
    }
    const { value: lists, ageS } = await deps.cache.read(id, "lists", load, options)
    return { connectionId: id, lists, ageS }
  }
}
