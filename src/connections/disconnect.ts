import type { Connection, ConnectionStore, Owner } from "./connection.ts"

/** Removes one kind of thing that was stored, here or at Mailchimp, for a connection. Done twice it does no harm. */
export type ForgetStep = (connection: Connection) => Promise<void>

export type Disconnect = (owner: Owner) => Promise<void>

/**
 * Ends a connection: all that was kept for it in the order of `forget`, its token last, as the steps may need it. When
 * a step fails the token is still there, and disconnecting again goes on. No connection is no failure.
 */
export function createDisconnect(deps: {
  readonly connections: Pick<ConnectionStore, "find" | "delete">
  readonly forget: readonly ForgetStep[]
  /** Told once the connection is gone: what still uses it in this process ends. */
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
