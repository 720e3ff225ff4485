import { expect, test } from "bun:test"
import { type Change, followMembers, type Member } from "../../src/client/client.ts"
import { signToken } from "../../src/dev/sign-token.ts"
import { jwtSecret } from "../support/service.ts"
import { until } from "../support/until.ts"
import { startWebhookService } from "../support/webhook-service.ts"

const env = { CURSOR_MARGIN_S: "1", FOLLOW_INTERVAL_S: "3600" }

test("followMembers() continues when responses break and tokens expire, and loses nothing", async () => {
  await using running = await startWebhookService({ env })
  const { service, sandbox, listId, uid, call } = running
  await call("PUT", `/lists/${listId}/webhook`)
  const leaving = new AbortController()
  const responses: AbortController[] = []
  const copy = new Map<string, Member>()
  let cursor: string | undefined
  let tokens = 0

  const apply = (change: Change<Member>) => {
    for (const member of change.members) copy.set(member.id, member)
    if (change.deleted?.id !== undefined) copy.delete(change.deleted.id)
    ;({ cursor } = change)
  }
  const run = async () => {
    const changes = followMembers({
      baseUrl: service.url,
      include: "archived",
      signal: leaving.signal,
      token: async () => {
        tokens += 1
        return signToken({ account_id: "acme", uid }, jwtSecret, 3)
      },
      fetch: (url, init) => {
        const response = new AbortController()
        responses.push(response)
        return fetch(url, { ...init, signal: AbortSignal.any([response.signal, init.signal!]) })
      },
    })
    for await (const change of changes) apply(change)
  }
  const ended = run().catch((error: unknown) => error)
  const isEqual = () =>
    Bun.deepEquals(
      new Map(copy),
      new Map([...sandbox.truth(listId).members()].map(({ id, row }) => [id, JSON.parse(row)])),
    )
  await until("an equal copy", isEqual)
  for (let round = 0; round < 3; round += 1) {
    const [edited, deleted, moved] = [...sandbox.truth(listId).members()].map(({ id }) => id)
    responses.at(-1)?.abort()
    sandbox.changes.editMember(listId, edited!)
    sandbox.changes.deleteMember(listId, deleted!)
    sandbox.changes.changeEmail(listId, moved!)
    sandbox.changes.addMember(listId)
    await until("an equal copy", isEqual, { everyMs: 50 })
  }
  const before = tokens
  await until("another token", () => tokens > before, { everyMs: 50 })
  sandbox.changes.addMember(listId)
  await until("an equal copy", isEqual, { everyMs: 50 })
  expect(cursor).toBeString()
  leaving.abort()
  expect(await ended).toHaveProperty("name", "AbortError")
}, 120_000)

test("followMembers() throws what no retry mends", async () => {
  await using running = await startWebhookService({ env })
  const { service, headers, call } = running
  const token = String(headers["authorization"]).replace("Bearer ", "")
  const run = async () => {
    for await (const { asOf } of followMembers({ baseUrl: service.url, token }))
      if (asOf !== undefined) await call("DELETE", "/auth")
  }
  expect(await run().catch((error: unknown) => error)).toMatchObject({ code: "disconnected" })
})
