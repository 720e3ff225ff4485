import type { Connection, ConnectionStore, Owner } from "./connection.ts"

/** Removes one kind of data that is stored for a connection, here or at Mailchimp. Idempotent. */
export type ForgetStep = (connection: Connection) => Promise<void>

export type Disconnect = (owner: Owner) => Promise<void>

/**
 * Deletes a connection: first its data, in the order of `forget`, and the token last, because the steps may need it. If a
 * step fails, the token remains and disconnecting can be retried. Without a connection it does nothing.
 */
export function createDisconnect(deps: {
  readonly connections: Pick<ConnectionStore, "find" | "delete">
  readonly forget: readonly ForgetStep[]
  /** Called after the connection was deleted, to abort what this process still does with it. */
  readonly onDeleted?: (connection: Connection) => void
}): Disconnect {
  return async (owner) => {
    const connection = await deps.connections.find(owner)
    if (connection === undefined) return
    for (const step of deps.forget) await step(connection)
    await deps.connections.delete(connection)
    deps.onDeleted?.(connection)
  }
}
