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

test.each([
  ["whose token was revoked", (running: Running) => running.sandbox.revoke(userIdOf(running)), 3],
  ["whose user is disabled", (running: Running) => running.sandbox.setDisabled(userIdOf(running), true), 3],
  ["of which a list is gone", ({ sandbox, listId }: Running) => sandbox.state.removeList(listId), 0],
  [
    "while Mailchimp fails",
    ({ sandbox }: Running) =>
      sandbox.faults.add({
        match: { path: "/webhooks/" },
        action: { kind: "html", status: 500 },
        times: Infinity,
      }),
    3,
  ],
  [
    "while Mailchimp does not respond",
    ({ sandbox, listId }: Running) =>
      sandbox.faults.add({
        match: { path: "/webhooks/", listId },
        action: { kind: "hang" },
        times: Infinity,
      }),
    1,
  ],
] as const)(
  "disconnecting an account %s leaves nothing stored, and says which webhooks are left",
  async (_, disturb, left) => {
    await using running = await startWebhookService({ lists: 3 })
    const ids = await fill(running)
    const { sandbox, folder, rows, service } = running
    const listIds = [...running.listIds]
    const urls = listIds.map((id) => sandbox.state.list(id).webhooks[0]?.url ?? "")
    disturb(running)
    const startedMs = performance.now()
    const { status, body } = await running.call("DELETE", "/auth")
    expect([status, body.data.webhooks_left.length]).toEqual([200, left])
    expect(performance.now() - startedMs).toBeLessThan(25_000)
    for (const each of body.data.webhooks_left)
      expect(each).toEqual({ list_id: expect.stringMatching(/^[0-9a-f]{10}$/), reason: expect.any(String) })
    expect(traces({ folder, sandbox, listIds: [], rows }, [...ids, ...listIds])).toEqual(nothing)
    for (const url of urls)
      expect((await fetch(url, { method: "POST", body: "type=profile" })).status).toBe(410)
    expect(service.services.limiterStates()).toEqual([expect.objectContaining({ flows: 0 })])
  },
  60_000,
)

function userIdOf({ sandbox }: Running): number {
  return sandbox.state.accounts[0]?.userId ?? 0
}
