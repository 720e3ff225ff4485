import type { Database } from "bun:sqlite"
import { z } from "zod"
import type { Connection, ConnectionMetadata, ConnectionStore } from "../../connections/connection.ts"
import { parseConnection, parseStored, parseToDelete } from "../parse-stored.ts"
import type { Attempt } from "./database.ts"
import { parseJson } from "./parse-json.ts"

const metadataSchema = z.object({
  dc: z.string(),
  userId: z.string().exactOptional(),
  accountName: z.string().exactOptional(),
})

/** The maximum of a Date. */
const latestDateMs = 8.64e15

/** The columns that SQLite itself guarantees to be text, whatever the rest of a row contains. */
const keysSchema = z.object({
  revision: z.string(),
  id: z.string(),
  account_id: z.string(),
  owner: z.string(),
})

const rowSchema = z.object({
  revision: z.string(),
  id: z.string(),
  account_id: z.string(),
  owner: z.string(),
  access_token: z.string(),
  metadata: z.string().transform(parseJson).pipe(metadataSchema),
  connected_at_ms: z.int().min(-latestDateMs).max(latestDateMs),
  token_invalidated: z.literal([0, 1]),
})

/** Connections in one table, one row each. Tokens are stored as given: see `createSealedConnections`. */
export function createSqliteConnections(database: Database, attempt: Attempt): ConnectionStore {
  const find = database.query<unknown, { accountId: string; uid: string }>(
    "SELECT * FROM connections WHERE account_id = $accountId AND owner = $uid AND disconnecting = 0",
  )
  const disconnecting = database.query<unknown, { accountId: string | null; uid: string | null }>(
    `SELECT * FROM connections WHERE disconnecting = 1
       AND ($accountId IS NULL OR account_id = $accountId AND owner = $uid)`,
  )
  const insert = database.query(
    `INSERT INTO connections VALUES ($revision, $id, $accountId, $uid, $accessToken, $metadata, $connectedAtMs, 0, 0)
     ON CONFLICT (account_id, owner) DO NOTHING`,
  )
  const update = database.query(
    `UPDATE connections SET
       access_token = coalesce($accessToken, access_token),
       metadata = coalesce($metadata, metadata),
       token_invalidated = coalesce($tokenInvalidated, token_invalidated),
       disconnecting = coalesce($disconnecting, disconnecting)
     WHERE revision = $revision`,
  )
  const existing = database.query<{ revision: string }, { revisions: string }>(
    `SELECT revision FROM connections
     WHERE disconnecting = 0 AND revision IN (SELECT value FROM json_each($revisions))`,
  )
  const remove = database.query("DELETE FROM connections WHERE revision = $revision")

  return {
    find: ({ accountId, uid }) =>
      attempt("find the connection", () => {
        const row = find.get({ accountId, uid })
        return row === null ? undefined : parseRow(row)
      }),

    disconnecting: (owner) =>
      attempt("find the connections", () => {
        const rows = disconnecting.all({ accountId: owner?.accountId ?? null, uid: owner?.uid ?? null })
        return rows.map((row) => parseToDelete(() => parseRow(row)))
      }),

    insert: ({ id, owner, accessToken, metadata, connectedAt }) =>
      attempt("store the connection", () => {
        const { changes } = insert.run({
          revision: crypto.randomUUID(),
          id,
          ...owner,
          accessToken,
          metadata: toText(metadata),
          connectedAtMs: connectedAt.getTime(),
        })
        return changes === 1
      }),

    update: ({ revision }, { accessToken, metadata, tokenInvalidated, disconnecting }) =>
      attempt("change the connection", () => {
        update.run({
          revision,
          accessToken: accessToken ?? null,
          metadata: metadata === undefined ? null : toText(metadata),
          tokenInvalidated: tokenInvalidated ?? null,
          disconnecting: disconnecting ?? null,
        })
      }),

    delete: ({ revision }) => attempt("delete the connection", () => remove.run({ revision }).changes === 1),

    existing: (revisions) =>
      attempt("check the connections", () => {
        const rows = existing.all({ revisions: JSON.stringify(revisions) })
        return new Set(rows.map(({ revision }) => revision))
      }),
  }
}

function toText({ dc, userId, accountName }: ConnectionMetadata): string {
  return JSON.stringify({ dc, userId, accountName })
}

/** Throws a MalformedConnection if the row is malformed. */
function parseRow(row: unknown): Connection {
  const { account_id, owner, ...keys } = parseStored(keysSchema, row, "a stored connection")
  return parseConnection({ ...keys, owner: { accountId: account_id, uid: owner } }, () => toConnection(row))
}

function toConnection(row: unknown): Connection {
  const { revision, id, account_id, owner, access_token, metadata, connected_at_ms, token_invalidated } =
    parseStored(rowSchema, row, "a stored connection")
  return {
    id,
    revision,
    owner: { accountId: account_id, uid: owner },
    accessToken: access_token,
    metadata,
    connectedAt: new Date(connected_at_ms),
    tokenInvalidated: token_invalidated === 1,
  }
}
