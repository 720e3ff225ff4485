import { AppError } from "../errors.ts"
import type { Connection, ConnectionStore, Owner } from "./connection.ts"

/**
 * The owner's connection.
 *
 * @throws AppError `access_token_not_found` if there is none
 */
export async function requireConnection(
  connections: Pick<ConnectionStore, "find">,
  owner: Owner,
): Promise<Connection> {
  const connection = await connections.find(owner)
  if (connection !== undefined) return connection
  throw new AppError(
    "access_token_not_found",
    "Cannot find a connection: connect a Mailchimp account first through /auth/login",
  )
}

/**
 * The owner's connection, if its token is still valid.
 *
 * @throws AppError `access_token_not_found`, or `connection_invalidated` if Mailchimp has refused the token
 */
export async function requireLiveConnection(
  connections: Pick<ConnectionStore, "find">,
  owner: Owner,
): Promise<Connection> {
  const connection = await requireConnection(connections, owner)
  if (!connection.tokenInvalidated) return connection
  throw new AppError(
    "connection_invalidated",
    "Cannot use the connection because its token is no longer valid: connect the account again through /auth/login",
  )
}
