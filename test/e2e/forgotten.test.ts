import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "bun:test"
import { startWebhookService } from "../support/webhook-service.ts"

type Running = Awaited<ReturnType<typeof startWebhookService>>

/** Everything in the database's files that belongs to the account. The owner's id is in the header's token. */
function traces(
  { folder, sandbox, listIds, rows }: Pick<Running, "folder" | "sandbox" | "listIds" | "rows">,
  ids: readonly string[],
) {
  const members = listIds.flatMap((id) =>
    [...sandbox.truth(id).members()].map(({ row }) => String(JSON.parse(row).id)),
  )
  const files = readdirSync(folder)
    .filter((name) => name.startsWith("export.sqlite"))
    .map((name) => readFileSync(join(folder, name), "latin1"))
  return {
    rows: [...rows("connections"), ...rows("webhooks"), ...rows("deliveries")],
    bytes: [...ids, ...listIds, ...members].filter((text) => files.some((file) => file.includes(text))),
  }
}

const nothing = { rows: [], bytes: [] }

/** Connects, subscribes to every list, and has each member of each list change once. Returns every id that is stored. */
async function fill({ sandbox, listIds, call, rows }: Running): Promise<string[]> {
  for (const listId of listIds) {
    expect((await call("PUT", `/lists/${listId}/webhook`)).status).toBe(200)
    for (const { id } of Array.from(sandbox.truth(listId).members()))
      if (id !== undefined) sandbox.changes.changeEmail(listId, id)
  }
  await sandbox.deliverer.settled()
  expect(rows("deliveries").length).toBe(20 * listIds.length)
  const [connection] = rows("connections")
  const stored = [...rows("webhooks"), ...rows("deliveries")].flatMap((row) =>
    ["secret_hash", "webhook_id", "member_id", "new_member_id"].map((column) => row[column]),
  )
  return [
    connection?.["id"],
    connection?.["revision"],
    connection?.["owner"],
    connection?.["access_token"],
    ...stored,
  ].filter((id) => typeof id === "string")
}

test("disconnecting leaves no row, no byte in the files and no webhook at Mailchimp", async () => {
  await using running = await startWebhookService({ lists: 3 })
  const ids = await fill(running)
  expect(traces(running, ids).bytes.length).toBeGreaterThan(100)
  expect(await running.call("DELETE", "/auth")).toMatchObject({
    status: 200,
    body: { data: { connected: false, webhooks_left: [] } },
  })
  expect(traces(running, ids)).toEqual(nothing)
  for (const id of running.listIds) expect(running.sandbox.state.list(id).webhooks).toEqual([])
})
