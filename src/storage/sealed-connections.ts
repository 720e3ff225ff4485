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
 * A store that holds access tokens sealed, each for its owner alone, around one that holds what it is given. A token
 * that is stored plain, by an older service, is read as it is. Every update seals the token anew, with the key that
 * seals now: so plain ones and those of an older key go as connections are written.
 *
 * A token that cannot be opened, because its key is gone from TOKEN_KEYS or because it was sealed for another owner,
 * gives a connection that is invalidated, with an empty token, and is reported through `onEvent`. That is what it is to
 * its owner: of no use, and he can connect again or disconnect, where an error would leave him no way out. It is never
 * written down: once the key is back, the connection is what it was. A malformed row or document is treated the same.
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
        await sealer.open(stored, bindingOf(owner)),
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

    insert: async (connection) => {
      const accessToken = await sealer.seal(connection.accessToken, bindingOf(connection.owner))
      return store.insert({ ...connection, accessToken })
    },

    update: async (connection, changes) => {
      const accessToken = changes.accessToken ?? connection.accessToken
      // A token that could not be opened stays as it is, for the day its key is back.
      if (accessToken === "") return store.update(connection, changes)
      const sealed = await sealer.seal(accessToken, bindingOf(connection.owner))
      return store.update(connection, { ...changes, accessToken: sealed })
    },

    delete: (connection) => store.delete(connection),
    existing: (revisions) => store.existing(revisions),
  }
}

/** As JSON no two owners are written alike. */
function bindingOf({ accountId, uid }: Owner): SealBinding {
  return { purpose: "token", owner: JSON.stringify([accountId, uid]) }
}
