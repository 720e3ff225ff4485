import { Database } from "bun:sqlite"
import { expect, test } from "bun:test"
import { join } from "node:path"
import { z } from "zod"
import { parseConfig } from "../../src/config.ts"
import type { Cursor } from "../../src/exports/cursor/cursor.ts"
import { createSealedCursors } from "../../src/exports/cursor/sealed-cursor.ts"
import { parseSelection, selectionId } from "../../src/exports/selection.ts"
import { createLogger } from "../../src/observability/logger.ts"
import { createSealer } from "../../src/sealer.ts"
import { createServices } from "../../src/services.ts"
import { openStorage } from "../../src/storage/storage.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"

/** Written by earlier versions of the service, with this key. */
const folder = join(import.meta.dir, "../support/earlier-versions")
const key = new Uint8Array(32).fill(7)
const sealed = z.object({ checkpoint: z.string(), end: z.string() })
const cursors = z
  .object({ version1: sealed, version2: sealed })
  .parse(await Bun.file(join(folder, "cursors.json")).json())

const selection = selectionId(parseSelection({}), undefined)
const horizon = 1_700_000_000
const beginning = Number.NEGATIVE_INFINITY
const halfRead = {
  windows: [
    { since: beginning, until: horizon - 9_000_000 },
    { since: horizon - 5_000_000, until: horizon },
  ],
  tail: { since: horizon },
  shortAt: horizon - 100,
}
const fromBeginning = { windows: [], tail: { since: beginning } }
const tailFrom = (since: number) => ({ windows: [], tail: { since } })
const done = {
  id: "b1844af105",
  isDone: true,
  totalItems: 2146,
  live: tailFrom(horizon + 3),
  archived: tailFrom(horizon + 4),
}
const begun = { id: "7261b81c30", isDone: false, totalItems: 90_000, archived: fromBeginning }
const bounded = {
  id: "Another-Id",
  isDone: false,
  live: { windows: [{ since: horizon - 86_400, until: horizon - 10 }] },
}
const idle = {
  id: "7261b81c30",
  isDone: false,
  live: tailFrom(horizon),
  archived: tailFrom(horizon - 1),
}
const short = {
  id: "b1844af105",
  isDone: false,
  live: { ...tailFrom(horizon + 7), shortAt: horizon - 100 },
  archived: fromBeginning,
}

const cases: [string, string, Cursor["lists"]][] = [
  ["version 1, checkpoint", cursors.version1.checkpoint, [done, { ...begun, live: halfRead }, bounded]],
  ["version 1, end", cursors.version1.end, [idle, short]],
  [
    "version 2, checkpoint",
    cursors.version2.checkpoint,
    [{ ...begun, isWhole: true, live: { ...halfRead, doubtedAt: horizon - 50 } }, done, bounded],
  ],
  [
    "version 2, end",
    cursors.version2.end,
    [idle, { id: "b1844af105", isUnread: true, live: { windows: [] } }],
  ],
]

test.each(cases)("a cursor opens: %s", async (name, text, lists) => {
  const opened = await createSealedCursors(createSealer([{ id: "k1", key }]), "connection-1").open(
    text,
    selection,
  )
  const kind = name.endsWith("end") ? "end" : "checkpoint"
  expect(opened).toEqual({ kind, selection, isIncremental: true, horizon, lists })
})

test("a database opens, and its connections continue their exports", async () => {
  const temporary = temporaryFolder()
  try {
    const sqlitePath = join(temporary.path, "export.sqlite")
    using database = new Database(sqlitePath)
    database.run(await Bun.file(join(folder, "database.sql")).text())
    const services = await createServices(
      parseConfig({
        SQLITE_PATH: sqlitePath,
        TOKEN_KEYS: `k1:${Buffer.from(key).toString("base64")}`,
        JWT_SECRET: "s".repeat(32),
        MAILCHIMP_CLIENT_ID: "id",
        MAILCHIMP_CLIENT_SECRET: "secret",
      }),
      { toLogger: (redact) => createLogger("silent", undefined, redact) },
    )
    const connection = await services.requireLiveConnection({ accountId: "acme", uid: "u1" })
    expect(connection).toEqual({
      id: "connection-1",
      revision: "b241206b-863f-4439-9f6a-f621d4ed4430",
      owner: { accountId: "acme", uid: "u1" },
      accessToken: "access-token-of-u1",
      metadata: { dc: "us19", userId: "42", accountName: 'Acme "Überseehandel"' },
      connectedAt: new Date("2026-11-20T08:00:00.123Z"),
      tokenInvalidated: false,
    })
    for (const cursor of Object.values(cursors).flatMap(({ checkpoint, end }) => [checkpoint, end]))
      await services.checkCursor(connection.id, { cursor, selection: parseSelection({}), listIds: undefined })
    expect(await services.requireConnection({ accountId: "acme", uid: "u2" })).toMatchObject({
      id: "connection-2",
      accessToken: "access-token-of-u2",
      metadata: { dc: "us1" },
      tokenInvalidated: true,
    })
    await services.close()
    const storage = await openStorage({ sqlitePath })
    expect(await storage.usedStates.use("state-1", new Date("2099-01-01"))).toBe(false)
    await storage.close()
  } finally {
    temporary.remove()
  }
})
