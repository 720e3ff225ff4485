import { AppError } from "../errors.ts"
import type { Connection, ConnectionStore, Owner } from "./connection.ts"

/**
 * The owner's connection.
 *
 * @throws AppError `access_token_not_found` where there is none
 */
export async function requireConnection(
  connections: Pick<ConnectionStore, "find">,
  owner: Owner,
): Promise<Connection> {
  const connection = await connections.find(owner)
  if (connection !== undefined) return connection
  throw new AppError(
    "access_token_not_found",
    "Cannot find a connection: connect a Mailchimp account first, by /auth/login",
  )
}

/**
 * The owner's connection, if its token is still good.
 *
 * @throws AppError `access_token_not_found`, or `connection_invalidated` where Mailchimp refused the token before
 */
export async function requireLiveConnection(
  connections: Pick<ConnectionStore, "find">,
  owner: Owner,
): Promise<Connection> {
  const connection = await requireConnection(connections, owner)
  if (!connection.tokenInvalidated) return connection
  throw new AppError(
    "connection_invalidated",
    "Cannot use the connection as its token is no longer good: connect the account again, by /auth/login",
  )
}
