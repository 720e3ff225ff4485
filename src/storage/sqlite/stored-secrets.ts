import type { Database } from "bun:sqlite"
import type { StoredSecret, StoredSecrets } from "../reseal.ts"
import { tokenBinding } from "../sealed-connections.ts"
import { signingSecretBinding } from "../sealed-webhooks.ts"
import type { Attempt } from "./database.ts"

type After = { readonly after: string }
type TokenRow = { id: string; account_id: string; owner: string; text: string }
type SigningSecretRow = { id: string; connection_id: string; text: string }

/** Read in batches, so that the service is not blocked, and each batch begins after the last row of the one before. */
const batch = 500

export function createSqliteSecrets(database: Database, attempt: Attempt): StoredSecrets {
  const tokens = database.query<TokenRow, After>(
    `SELECT revision AS id, account_id, owner, access_token AS text FROM connections
     WHERE revision > $after ORDER BY revision LIMIT ${batch}`,
  )
  const signingSecrets = database.query<SigningSecretRow, After>(
    `SELECT secret_hash AS id, connection_id, signing_secret AS text FROM webhooks
     WHERE secret_hash > $after AND signing_secret IS NOT NULL ORDER BY secret_hash LIMIT ${batch}`,
  )
  const cursors = database.query<{ id: string; text: string | null }, After>(
    `SELECT id, coalesce(progress ->> '$.cursor', request ->> '$.cursor') AS text FROM jobs
     WHERE id > $after ORDER BY id LIMIT ${batch}`,
  )
  const replace = {
    token: database.query(
      "UPDATE connections SET access_token = $new WHERE revision = $id AND access_token = $old",
    ),
    signing_secret: database.query(
      "UPDATE webhooks SET signing_secret = $new WHERE secret_hash = $id AND signing_secret = $old",
    ),
  }

  async function* rowsOf<Row extends { id: string }>(read: (after: After) => Row[]): AsyncGenerator<Row> {
    for (let after = ""; ;) {
      const rows = await attempt("read the secrets", () => read({ after }))
      yield* rows
      const last = rows.at(-1)
      if (last === undefined) return
      after = last.id
    }
  }

  async function* all(): AsyncGenerator<StoredSecret> {
    for await (const { id, text, account_id: accountId, owner: uid } of rowsOf((after) => tokens.all(after)))
      yield { kind: "token", id, text, binding: tokenBinding({ accountId, uid }) }
    for await (const { id, text, connection_id: connectionId } of rowsOf((after) =>
      signingSecrets.all(after),
    ))
      yield {
        kind: "signing_secret",
        id,
        text,
        binding: signingSecretBinding({ connectionId, secretHash: id }),
      }
  }

  return {
    all,
    replace: ({ kind, id, text }, sealed) =>
      attempt("seal a secret", () => replace[kind].run({ id, old: text, new: sealed }).changes === 1),
    cursors: async function* () {
      for await (const { text } of rowsOf((after) => cursors.all(after))) if (text !== null) yield text
    },
  }
}
