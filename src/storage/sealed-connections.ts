import { z } from "zod"
import type { Connection, ConnectionStore, Owner } from "../connections/connection.ts"
import { type AppError, CannotOpen } from "../errors.ts"
import type { SealBinding, Sealer } from "../sealer.ts"
import { MalformedConnection, parseStored } from "./parse-stored.ts"

export type SealedConnectionsEvent = {
  readonly type: "token_not_opened" | "connection_malformed"
  readonly connectionId: string
  readonly error: CannotOpen | AppError
}

/**
 * Wraps a store so that access tokens are stored sealed, each bound to its owner. A plain token that an older service
 * stored is read unchanged. Every update seals the token again with the current key, so plain tokens and those sealed with
 * an older key disappear over time.
 *
 * If a token cannot be opened, because its key was removed from TOKEN_KEYS or it was sealed for another owner, the result
 * is an invalidated connection with an empty token, and `onEvent` reports it: the owner can then reconnect or disconnect,
 * whereas an error would leave them stuck. The invalidation is never stored, so the connection works again when the key
 * is restored. A malformed row or document is treated the same.
 */
export function createSealedConnections(
  store: ConnectionStore,
  sealer: Sealer,
  options: { readonly onEvent?: (event: SealedConnectionsEvent) => void } = {},
): ConnectionStore {
  async function open(connection: Connection): Promise<Connection> {
    const { accessToken: stored, owner } = connection
    if (!sealer.isSealed(stored)) return connection
    try {
      const accessToken = parseStored(
        z.string(),
        await sealer.open(stored, tokenBinding(owner)),
        "a sealed token",
      )
      return { ...connection, accessToken }
    } catch (error) {
      if (!(error instanceof CannotOpen)) throw error
      options.onEvent?.({ type: "token_not_opened", connectionId: connection.id, error })
      return { ...connection, accessToken: "", tokenInvalidated: true }
    }
  }

  return {
    find: async (owner) => {
      const connection = await store.find(owner).catch((error: unknown) => {
        if (!(error instanceof MalformedConnection)) throw error
        options.onEvent?.({ type: "connection_malformed", connectionId: error.standIn.id, error })
        return error.standIn
      })
      return connection === undefined ? undefined : open(connection)
    },

    disconnecting: async (owner) => Promise.all((await store.disconnecting(owner)).map(open)),

    insert: async (connection) => {
      const accessToken = await sealer.seal(connection.accessToken, tokenBinding(connection.owner))
      return store.insert({ ...connection, accessToken })
    },

    update: async (connection, changes) => {
      const accessToken = changes.accessToken ?? connection.accessToken
      // A token that could not be opened is kept, because its key may be restored.
      if (accessToken === "") return store.update(connection, changes)
      const sealed = await sealer.seal(accessToken, tokenBinding(connection.owner))
      return store.update(connection, { ...changes, accessToken: sealed })
    },

    delete: (connection) => store.delete(connection),
    existing: (revisions) => store.existing(revisions),
  }
}

/** JSON, so that no two owners have the same text. */
export function tokenBinding({ accountId, uid }: Owner): SealBinding {
  return { purpose: "token", owner: JSON.stringify([accountId, uid]) }
}

/**
 * Finds only the id of an owner's connection. Opening the token would take eight times as long, which a burst of deliveries
 * would notice.
 */
export function createFindConnectionId(
  store: Pick<ConnectionStore, "find">,
): (owner: Owner) => Promise<string | undefined> {
  return async (owner) => {
    const connection = await store.find(owner).catch((error: unknown) => {
      if (!(error instanceof MalformedConnection)) throw error
      return error.standIn
    })
    return connection?.id
  }
}
