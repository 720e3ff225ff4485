import { expect, test } from "bun:test"
import type { Webhook } from "../../src/sandbox/webhooks/webhook.ts"
import { bearer, connectAccount } from "../support/service.ts"
import { startWebhookService } from "../support/webhook-service.ts"

const secretOf = (url: string) => url.slice(url.lastIndexOf("/") + 1)
const hash = (secret: string) => new Bun.CryptoHasher("sha256").update(secret).digest("hex")

test("PUT makes one webhook, however often; /lists shows it; a change is delivered and stored; DELETE removes it", async () => {
  await using running = await startWebhookService({ lists: 2 })
  const { sandbox, listId, call, hooks, rows } = running
  const shown = async () =>
    (await call("GET", "/lists")).body.data.map(({ webhook }: { webhook: boolean }) => webhook)
  expect(await shown()).toEqual([false, false])
  for (let time = 0; time < 3; time += 1)
    expect(await call("PUT", `/lists/${listId}/webhook`)).toMatchObject({
      status: 200,
      body: { success: true, data: { list_id: listId, webhook: true } },
    })
  const [hook, ...others] = hooks()
  expect(others).toEqual([])
  expect(hook?.url).toMatch(
    /^http:\/\/127\.0\.0\.1:\d+\/v1\/integrations\/mailchimp\/webhooks\/[0-9a-f]{64}$/,
  )
  expect(rows("webhooks")).toEqual([
    expect.objectContaining({
      webhook_id: hook?.id,
      list_id: listId,
      secret_hash: hash(secretOf(hook?.url ?? "")),
    }),
  ])
  expect(await shown()).toEqual([true, false])

  const member = sandbox.changes.addMember(listId)
  await sandbox.deliverer.settled()
  expect(rows("deliveries")).toEqual([
    expect.objectContaining({
      kind: "subscribe",
      list_id: listId,
      member_id: member.id,
      new_member_id: null,
    }),
  ])
  expect(running.logged("delivery")).toEqual([
    expect.objectContaining({ kind: "subscribe", list_id: listId, level: "info" }),
  ])

  for (let time = 0; time < 2; time += 1)
    expect(await call("DELETE", `/lists/${listId}/webhook`)).toMatchObject({
      status: 200,
      body: { data: { list_id: listId, webhook: false } },
    })
  expect([hooks(), rows("webhooks")]).toEqual([[], []])
  expect(await shown()).toEqual([false, false])
  const log = running.service.log.join("\n")
  for (const secret of [secretOf(hook?.url ?? ""), member.id, member.email_address])
    expect(log).not.toContain(secret)
})

test("eight concurrent PUTs leave one webhook, which works", async () => {
  await using running = await startWebhookService({ latencyMs: 5 })
  const { sandbox, listId, call, hooks, rows } = running
  const results = await Promise.all(Array.from({ length: 8 }, () => call("PUT", `/lists/${listId}/webhook`)))
  expect(results.map(({ status }) => status)).toEqual(results.map(() => 200))
  expect(hooks()).toHaveLength(1)
  sandbox.changes.addMember(listId)
  await sandbox.deliverer.settled()
  expect(rows("deliveries")).toHaveLength(1)
})

test.each([
  ["that somebody deleted", (hooks: Webhook[]) => void hooks.splice(0)],
  ["that Mailchimp disabled", (hooks: Webhook[]) => void (hooks[0]!.disabled = true)],
  ["that lost an event", (hooks: Webhook[]) => void (hooks[0]!.events.profile = false)],
])("a webhook %s is made again at the next PUT", async (_, change) => {
  await using running = await startWebhookService()
  const { sandbox, listId, call, hooks, rows } = running
  await call("PUT", `/lists/${listId}/webhook`)
  const [old] = hooks()
  change(hooks())
  await call("PUT", `/lists/${listId}/webhook`)
  expect(hooks()).toHaveLength(1)
  expect(hooks()[0]?.id).not.toBe(old?.id)
  sandbox.changes.addMember(listId)
  await sandbox.deliverer.settled()
  expect(rows("deliveries")).toHaveLength(1)
})

test.each(["cut", "reset", "html"] as const)(
  "a POST whose response is lost (%s) may have made a webhook: the next PUT leaves one that works",
  async (kind) => {
    await using running = await startWebhookService({ signsWebhooks: true })
    const { sandbox, listId, call, hooks, rows } = running
    const action = kind === "html" ? ({ kind, status: 502 } as const) : { kind }
    sandbox.faults.add({ match: { method: "POST", path: "/webhooks" }, action })
    expect((await call("PUT", `/lists/${listId}/webhook`)).status).toBe(502)
    expect(rows("webhooks")).toEqual([])
    expect((await call("PUT", `/lists/${listId}/webhook`)).status).toBe(200)
    expect(hooks()).toHaveLength(1)
    sandbox.changes.addMember(listId)
    await sandbox.deliverer.settled()
    expect(rows("deliveries")).toHaveLength(1)
  },
)

test("webhooks under our address that no store knows are removed; those of others stay", async () => {
  await using running = await startWebhookService()
  const { service, listId, call, hooks } = running
  const other = await connectAccount(service)
  await fetch(`${service.api}/lists/${listId}/webhook`, { method: "PUT", headers: other })
  const [ofOther] = hooks()
  if (ofOther === undefined) throw new Error("not made")
  const foreign = { ...ofOther, id: "f0", url: "https://example.com/hook" }
  const unknown = { ...ofOther, id: "u0", url: `${service.api}/webhooks/${"0".repeat(64)}` }
  const malformed = { ...ofOther, id: "m0", url: `${service.api}/webhooks/x` }
  hooks().push(foreign, unknown, malformed)
  await call("PUT", `/lists/${listId}/webhook`)
  expect(hooks().map(({ id }) => id)).toEqual([ofOther.id, "f0", expect.any(String)])
  await call("DELETE", `/lists/${listId}/webhook`)
  expect(hooks().map(({ id }) => id)).toEqual([ofOther.id, "f0"])
})

test("a PUBLIC_URL that is not public is a webhook_unreachable before anything is requested", async () => {
  await using running = await startWebhookService({
    env: { MAILCHIMP_API_URL: "https://api.example.com/3.0" },
  })
  const { listId, call, rows } = running
  expect(await call("PUT", `/lists/${listId}/webhook`)).toMatchObject({
    status: 400,
    body: { code: "webhook_unreachable", detail: expect.stringContaining("PUBLIC_URL") },
  })
  expect(rows("webhooks")).toEqual([])
})

test("an address that Mailchimp refuses is a webhook_unreachable with Mailchimp's own words, without the secret", async () => {
  await using running = await startWebhookService()
  const { sandbox, service, listId, call, rows } = running
  const message = `We could not connect to ${service.api}/webhooks/${"5ec2e7".repeat(11).slice(2)}`
  sandbox.faults.add({
    match: { method: "POST", path: "/webhooks" },
    action: {
      kind: "json",
      status: 400,
      body: { title: "Invalid Resource", status: 400, errors: [{ field: "url", message }] },
    },
  })
  const { status, body } = await call("PUT", `/lists/${listId}/webhook`)
  expect([status, body.code]).toEqual([400, "webhook_unreachable"])
  expect(body.upstream.detail).toContain("url We could not connect")
  expect(JSON.stringify(body)).not.toContain("5ec2e7")
  expect(rows("webhooks")).toEqual([])
})

test("without a connection, without a token, or for a list that does not exist there is no webhook", async () => {
  await using running = await startWebhookService()
  const { service, listId, call } = running
  expect(await call("PUT", "/lists/0000000000/webhook")).toMatchObject({
    status: 404,
    body: { code: "list_not_found" },
  })
  expect((await call("DELETE", "/lists/0000000000/webhook")).status).toBe(200)
  expect((await call("PUT", `/lists/${listId}/webhook?x=1`)).status).toBe(400)
  const nobody = await bearer("nobody")
  for (const [headers, status] of [
    [nobody, 404],
    [{}, 401],
  ] as const)
    for (const method of ["PUT", "DELETE"])
      expect((await fetch(`${service.api}/lists/${listId}/webhook`, { method, headers })).status).toBe(status)
})

test("a login of the same Mailchimp user after a revocation keeps the webhooks, which work all the time", async () => {
  await using running = await startWebhookService()
  const { sandbox, service, listId, call, hooks, rows } = running
  await call("PUT", `/lists/${listId}/webhook`)
  const [hook] = hooks()
  sandbox.revoke(sandbox.state.accounts[0]?.userId ?? 0)
  expect((await call("GET", "/lists")).body.code).toBe("connection_invalidated")
  sandbox.changes.addMember(listId)
  await sandbox.deliverer.settled()
  await connectAccount(service, running.uid)
  expect((await call("GET", "/lists")).body.data).toMatchObject([{ webhook: true }])
  await call("PUT", `/lists/${listId}/webhook`)
  expect(hooks().map(({ id }) => id)).toEqual([hook?.id ?? ""])
  sandbox.changes.addMember(listId)
  await sandbox.deliverer.settled()
  expect(rows("deliveries")).toHaveLength(2)
})
