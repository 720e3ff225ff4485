import { AppError } from "../errors.ts"
import { systemClock } from "../lib/time.ts"
import {
  createMailchimpClient,
  type MailchimpClient,
  type MailchimpClientOptions,
} from "../mailchimp/client.ts"
import type { Limiters } from "../mailchimp/limiter/limiters.ts"
import { createUsage, type Usage } from "../mailchimp/usage.ts"
import type { ConnectionWatch } from "./connection-watch.ts"
import { createPageHistories } from "../mailchimp/members/page-history.ts"
import type { Connection, ConnectionMetadata, ConnectionStore, Owner } from "./connection.ts"
import { requireLiveConnection } from "./live-connection.ts"
import { createStandings } from "./standings.ts"

/**
 * A connected account in use: sends requests to Mailchimp on its behalf until it is disposed of. Once the connection is
 * deleted, all its requests reject with `disconnected` and no new ones start.
 */
export type Account = Disposable & {
  readonly connection: Connection
  readonly client: MailchimpClient
  /** What its requests currently wait for. */
  waitingFor(): "permit" | "rate_limit" | undefined
  /** How many more of its requests could start at once: see {@link Flow}. */
  spare(unknownMs?: number): number
  /** Calls the listener when `spare()` may have risen although no request has ended: see {@link Flow}. */
  onAllowanceChange(listener: () => void): Disposable
  /** What its requests have taken so far. */
  usage(): Usage
}

/**
 * Opens the owner's account for one flow, until `signal` aborts. The flow takes turns with all others of the same
 * Mailchimp user.
 * Rejects with `access_token_not_found`, or with `connection_invalidated`.
 */
export type OpenAccount = (owner: Owner, signal: AbortSignal) => Promise<Account>

/** An update of a stored connection failed. The update is repeated the next time it matters. */
export type AccountEvent = { readonly type: "connection_not_updated"; readonly error: unknown }

/**
 * Keeps the stored connection up to date while it is used: marks it as invalidated if Mailchimp's metadata endpoint
 * refuses the token or the user is permanently disabled, and stores a move to another data center and a user id that an
 * older service did not store.
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
  readonly clientOptions: Omit<
    MailchimpClientOptions,
    "accessToken" | "dc" | "flow" | "pages" | "signal" | "standing"
  >
  readonly onEvent?: (event: AccountEvent) => void
}): OpenAccount {
  const { connections, limiters, readMetadata, onEvent } = deps
  const standingOf = createStandings({
    // No retries here: the request that failed is retried, and each retry reads the metadata again.
    readMetadata: (accessToken, signal) => readMetadata(accessToken, signal, 0),
    onMoved: (connection, metadata) => store(connection, { metadata }),
    onInvalidated: (connection) => store(connection, { tokenInvalidated: true }),
    clock: deps.clientOptions.clock ?? systemClock,
  })
  const pagesOf = createPageHistories()

  return async (owner, signal) => {
    const connection = await withUserId(await requireLiveConnection(connections, owner), signal)
    const { accessToken, metadata } = connection
    const watched = deps.watch(connection)
    const flow = limiters.join({ dc: metadata.dc, userId: metadata.userId ?? connection.id })
    const usage = createUsage()
    const client = createMailchimpClient({
      ...deps.clientOptions,
      onEvent: (event) => {
        usage.add(event)
        deps.clientOptions.onEvent?.(event)
      },
      accessToken,
      dc: metadata.dc,
      flow,
      signal: watched.signal,
      standing: standingOf(connection),
      pages: pagesOf(connection.id),
    })
    return {
      connection,
      client,
      waitingFor: flow.waitingFor,
      spare: flow.spare,
      onAllowanceChange: flow.onAllowanceChange,
      usage: usage.total,
      [Symbol.dispose]: () => {
        watched[Symbol.dispose]()
        flow.leave()
      },
    }
  }

  /**
   * All connections of one Mailchimp user share a limiter, so the user id must be known before the first request. If
   * Mailchimp does not send it, the connection gets its own limiter: if the token is invalid, the API will say so.
   */
  async function withUserId(connection: Connection, signal: AbortSignal): Promise<Connection> {
    if (connection.metadata.userId !== undefined) return connection
    try {
      const metadata = await readMetadata(connection.accessToken, signal)
      await store(connection, { metadata })
      return { ...connection, metadata }
    } catch (error) {
      if (error instanceof AppError) return connection
      throw error
    }
  }

  /** Never rejects: a database failure must not fail the work. */
  async function store(
    connection: Connection,
    changes: Parameters<ConnectionStore["update"]>[1],
  ): Promise<void> {
    await connections.update(connection, changes).catch((error: unknown) => {
      onEvent?.({ type: "connection_not_updated", error })
    })
  }
}
