import type { Clock } from "../lib/time.ts"
import type { MailchimpClient } from "../mailchimp/client.ts"
import type { ReadOptions } from "../mailchimp/lists/collection.ts"
import { type ListDetails, readListDetails } from "../mailchimp/lists/list-details.ts"
import { listLists, type MailchimpList } from "../mailchimp/lists/lists.ts"
import { type ConnectionCache, createConnectionCache } from "./connection-cache.ts"
import type { Owner } from "./connection.ts"
import type { OpenAccount } from "./open-account.ts"

/** What was read of Mailchimp, for which connection, and how old it is. */
type Read<T> = { readonly connectionId: string; readonly value: T; readonly ageS: number }

type Options = { readonly signal: AbortSignal; readonly refresh: boolean }

/**
 * Reads lists of the owner's account, which may have been kept for a while. An export reads them anew: what is kept never
 * decides what is exported.
 */
export type CachedLists = {
  readLists(owner: Owner, options: Options): Promise<Read<readonly MailchimpList[]>>
  /** Rejects with `list_not_found`. */
  readList(owner: Owner, listId: string, options: Options): Promise<Read<ListDetails>>
  /** Forgets what was read with a connection, e.g. because it was deleted. */
  drop(connectionId: string): void
}

export function createCachedLists(deps: {
  readonly requireLiveConnection: (owner: Owner) => Promise<{ readonly id: string }>
  readonly openAccount: OpenAccount
  readonly keepMs: number
  readonly clock: Clock
  /** How long the requests for one value are retried. */
  readonly deadlineMs: number
}): CachedLists {
  const lists = createConnectionCache<readonly MailchimpList[]>(deps)
  const details = createConnectionCache<ListDetails>(deps)
  const read = async <T>(
    {
      owner,
      key,
      cache,
    }: { readonly owner: Owner; readonly key: string; readonly cache: ConnectionCache<T> },
    request: (client: MailchimpClient, options: ReadOptions) => Promise<T>,
    options: Options,
  ) => {
    // The connection is read first: if it was deleted, nothing of it is shown.
    const { id: connectionId } = await deps.requireLiveConnection(owner)
    const load = async (signal: AbortSignal) => {
      using account = await deps.openAccount(owner, signal)
      // Awaited here, because the account is in use until then.
      return await request(account.client, { signal, deadlineMs: deps.deadlineMs })
    }
    return { connectionId, ...(await cache.read(connectionId, key, load, options)) }
  }
  return {
    readLists: (owner, options) =>
      read(
        { owner, key: "", cache: lists },
        (client, options) => Array.fromAsync(listLists(client, options)),
        options,
      ),
    readList: (owner, listId, options) =>
      read(
        { owner, key: listId, cache: details },
        (client, options) => readListDetails(client, listId, options),
        options,
      ),
    drop: (connectionId) => {
      for (const cache of [lists, details]) cache.drop(connectionId)
    },
  }
}
