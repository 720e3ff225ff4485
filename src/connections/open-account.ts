import { AppError } from "../errors.ts"
import { anySignal } from "../lib/any-signal.ts"
import { systemClock } from "../lib/clock.ts"
import {
  createMailchimpClient,
  type MailchimpClient,
  type MailchimpClientOptions,
} from "../mailchimp/client.ts"
import type { Limiters } from "../mailchimp/limiter/limiter.ts"
import type { ConnectionWatch } from "./connection-watch.ts"
import { createPageMemories } from "../mailchimp/members/page-memory.ts"
import type { Connection, ConnectionMetadata, ConnectionStore, Owner } from "./connection.ts"
import { requireLiveConnection } from "./live-connection.ts"
import { createStandings } from "./standings.ts"

/**
 * A connected account in use: what asks Mailchimp on its behalf, until it is disposed of. Once its connection is deleted,
 * all of its requests reject with `disconnected`, and no other one starts.
 */
export type Account = Disposable & {
  readonly connection: Connection
  readonly client: MailchimpClient
  /** What its requests wait for now. */
  waitingFor(): "permit" | "rate_limit" | undefined
  /** How many more of its requests could start at once: see {@link Party}. */
  spare(unknownMs?: number): number
}

/**
 * Opens the owner's account for one piece of work, until `signal` aborts. It takes its turn with all others of the same Mailchimp user.
 * Rejects with `access_token_not_found`, or with `connection_invalidated`.
 */
export type OpenAccount = (owner: Owner, signal: AbortSignal) => Promise<Account>

/** What the database could not be told about a connection: it is told again the next time it matters. */
export type AccountEvent = { readonly type: "connection_not_updated"; readonly error: unknown }

/**
 * Keeps what is stored of a connection true while it is used: a token that Mailchimp's metadata endpoint refuses, and a
 * user that is disabled for good, mark it as invalidated; a move to another data center and a user id that an older
 * service did not store are written down.
 */
export function createOpenAccount(deps: {
  readonly connections: Pick<ConnectionStore, "find" | "update">
  readonly watch: ConnectionWatch["watch"]
  readonly limiters: Limiters
  readonly readMetadata: (
    accessToken: string,
    signal: AbortSignal,
    deadlineMs?: number,
  ) => Promise<ConnectionMetadata>
  readonly clientOptions: Omit<MailchimpClientOptions, "accessToken" | "dc" | "flow" | "pages" | "standing">
  readonly onEvent?: (event: AccountEvent) => void
}): OpenAccount {
  const { connections, limiters, readMetadata, onEvent } = deps
  const standingOf = createStandings({
    // The request that failed is retried, and with it the reading of the metadata.
    readMetadata: (accessToken, signal) => readMetadata(accessToken, signal, 0),
    onMoved: (connection, metadata) => tell(connection, { metadata }),
    clock: deps.clientOptions.clock ?? systemClock,
  })
  const pagesOf = createPageMemories()

  return async (owner, signal) => {
    const connection = await withUserId(await requireLiveConnection(connections, owner), signal)
    const { accessToken, metadata } = connection
    const watched = deps.watch(connection)
    const flow = limiters.join({ dc: metadata.dc, userId: metadata.userId ?? connection.id })
    const client = createMailchimpClient({
      ...deps.clientOptions,
      accessToken,
      dc: metadata.dc,
      flow,
      standing: standingOf(connection),
      pages: pagesOf(connection.id),
    })
    return {
      connection,
      client: {
        ...client,
        request: async (request) => {
          using either = anySignal(request.signal, watched.signal)
          try {
            return await client.request({ ...request, signal: either.signal })
          } catch (error) {
            if (error instanceof AppError && error.code === "connection_invalidated") {
              await tell(connection, { tokenInvalidated: true })
            }
            throw error
          }
        },
        waitUntil: async (second, mostS, signal) => {
          using either = anySignal(signal, watched.signal)
          await client.waitUntil(second, mostS, either.signal)
        },
        pause: async (seconds, signal) => {
          using either = anySignal(signal, watched.signal)
          await client.pause(seconds, either.signal)
        },
      },
      waitingFor: flow.waitingFor,
      spare: flow.spare,
      [Symbol.dispose]: () => {
        watched[Symbol.dispose]()
        flow.leave()
      },
    }
  }

  /**
   * All connections of one Mailchimp user share a limiter, so who he is must be known before the first request. Where
   * Mailchimp does not tell, the connection has a limiter of its own: if its token is bad, the API will say so.
   */
  async function withUserId(connection: Connection, signal: AbortSignal): Promise<Connection> {
    if (connection.metadata.userId !== undefined) return connection
    try {
      const metadata = await readMetadata(connection.accessToken, signal)
      await tell(connection, { metadata })
      return { ...connection, metadata }
    } catch (error) {
      if (error instanceof AppError) return connection
      throw error
    }
  }

  /** The work at hand does not fail because the database does. */
  async function tell(
    connection: Connection,
    changes: Parameters<ConnectionStore["update"]>[1],
  ): Promise<void> {
    await connections.update(connection, changes).catch((error: unknown) => {
      onEvent?.({ type: "connection_not_updated", error })
    })
  }
}
