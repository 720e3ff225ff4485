import type { Connection, ConnectionStore, Owner } from "./connection.ts"

/** Something at Mailchimp that could not be removed. */
export type Leftover = {
  readonly listId: string
  /** One sentence for a person. */
  readonly reason: string
}

/** Removes one kind of data that is stored for a connection. Idempotent. */
export type ForgetStep = (connection: Connection) => Promise<void>

export type Disconnect = {
  /**
   * Deletes the owner's connection, if there is one, and finishes an earlier disconnection that was interrupted. Resolves to
   * what is left at Mailchimp.
   */
  disconnect(owner: Owner): Promise<readonly Leftover[]>
  /** The same, but deletes this very connection: another login of the owner may have stored a new one meanwhile. */
  forget(owner: Owner, connection: Connection | undefined): Promise<readonly Leftover[]>
  /** Finishes the interrupted disconnections of all owners. */
  finishInterrupted(): Promise<void>
}

/** An interrupted disconnection could not be finished. The owner's next DELETE or login, or the next start, finishes it. */
export type DisconnectEvent = {
  readonly type: "disconnection_not_finished"
  readonly connectionId: string
  readonly error: unknown
}

/**
 * Deletes a connection and everything that belongs to it. The connection is marked first: from then on it is gone for all
 * other work. The token is deleted last, because removing webhooks needs it. If a step fails, or the process is killed, the
 * mark stays, and disconnecting continues with the next call. Without a connection it does nothing.
 */
export function createDisconnect(deps: {
  readonly connections: Pick<ConnectionStore, "find" | "update" | "disconnecting" | "delete">
  /** Removes what is at Mailchimp, as far as possible. */
  readonly removeAtMailchimp: (connection: Connection) => Promise<readonly Leftover[]>
  readonly forget: readonly ForgetStep[]
  /** Removes deleted bytes from the files of the database. */
  readonly scrub: () => Promise<void>
  /** Called as soon as the connection is marked, to abort what this process does with it. */
  readonly onMarked?: (connection: Connection) => void
  readonly onEvent?: (event: DisconnectEvent) => void
}): Disconnect {
  const { connections, removeAtMailchimp, forget, scrub, onMarked, onEvent } = deps

  const finish = async (connection: Connection) => {
    const left = await removeAtMailchimp(connection)
    for (const step of forget) await step(connection)
    await connections.delete(connection)
    return left
  }

  const forgetConnection: Disconnect["forget"] = async (owner, connection) => {
    if (connection !== undefined) {
      await connections.update(connection, { disconnecting: true })
      onMarked?.(connection)
    }
    const left: Leftover[] = []
    const marked = await connections.disconnecting(owner)
    for (const each of marked) left.push(...(await finish(each)))
    if (marked.length > 0) await scrub()
    return left
  }

  return {
    disconnect: async (owner) => forgetConnection(owner, await connections.find(owner)),
    forget: forgetConnection,

    finishInterrupted: async () => {
      for (const connection of await connections.disconnecting()) {
        await finish(connection).catch((error: unknown) => {
          onEvent?.({ type: "disconnection_not_finished", connectionId: connection.id, error })
        })
      }
      // Always, because the process may have been killed just before this step.
      await scrub()
    },
  }
}
