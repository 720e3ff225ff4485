import { systemClock } from "../lib/time.ts"
import {
  createMailchimpClient,
  type MailchimpClient,
  type MailchimpClientOptions,
} from "../mailchimp/client.ts"
import type { Limiters } from "../mailchimp/limiter/limiters.ts"
import type { Connection, ConnectionMetadata } from "./connection.ts"
import { createStandings } from "./standings.ts"

/**
 * Opens a client for a connection that is being disconnected, for which no account can be opened any more. Nothing that it
 * learns about the connection is stored.
 */
export function createOpenDetached(deps: {
  readonly limiters: Limiters
  readonly readMetadata: (
    accessToken: string,
    signal: AbortSignal,
    deadlineMs?: number,
  ) => Promise<ConnectionMetadata>
  readonly clientOptions: Omit<MailchimpClientOptions, "accessToken" | "dc" | "flow" | "standing">
}): (connection: Connection) => Disposable & { readonly client: MailchimpClient } {
  const { limiters, readMetadata, clientOptions } = deps

  return (connection) => {
    const { accessToken, metadata } = connection
    const flow = limiters.join({ dc: metadata.dc, userId: metadata.userId ?? connection.id })
    const standingOf = createStandings({
      readMetadata: (accessToken, signal) => readMetadata(accessToken, signal, 0),
      onMoved: async () => {},
      onInvalidated: async () => {},
      clock: clientOptions.clock ?? systemClock,
    })
    const client = createMailchimpClient({
      ...clientOptions,
      accessToken,
      dc: metadata.dc,
      flow,
      standing: standingOf(connection),
    })
    return { client, [Symbol.dispose]: () => flow.leave() }
  }
}
