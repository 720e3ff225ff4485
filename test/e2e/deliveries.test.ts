import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { buildTimeoutMs, startFragileFerretdb } from "../support/ferretdb.ts"
import { describeWithFerretdb } from "../support/mongodb.ts"
import { connectAccount, sandboxEnv, startService } from "../support/service.ts"
import { withRawMongo } from "../support/storage-under-test.ts"
import { startWebhookService } from "../support/webhook-service.ts"

test("unknown secrets and disconnected ones get the same 410, of GET and of POST", async () => {
  await using running = await startWebhookService()
  const { service, listId, call, hooks, deliver } = running
  await call("PUT", `/lists/${listId}/webhook`)
  const url = hooks()[0]?.url ?? ""
  expect((await fetch(url)).status).toBe(200)
  expect((await fetch(`${url}?any=query`, { method: "HEAD" })).status).toBe(200)
  expect((await deliver("type=profile")).status).toBe(200)
  await call("DELETE", "/auth")
  const say = async (url: string, method: string) => {
    const response = await fetch(url, { method, ...(method === "POST" && { body: "type=profile" }) })
    response.headers.delete("date")
    response.headers.delete("x-request-id")
    return [response.status, await response.text(), [...response.headers]]
  }
  for (const method of ["GET", "POST"]) {
    const gone = await say(url, method)
    expect(gone[0]).toBe(410)
    for (const path of ["0".repeat(64), "x", "%00", `${"5e".repeat(32)}%20`])
      expect(await say(`${service.api}/webhooks/${path}`, method)).toEqual(gone)
  }
})

test("what a signed account delivers is stored, and what anybody else sends is not", async () => {
  await using running = await startWebhookService({ signsWebhooks: true })
  const { sandbox, listId, call, rows, deliver, logged } = running
  await call("PUT", `/lists/${listId}/webhook`)
  expect((await deliver("type=profile&data[email]=forged@example.com")).status).toBe(200)
  expect(rows("deliveries")).toEqual([])
  expect(logged("deliveries without a valid signature were ignored: the list is that of the last")).toEqual([
    expect.objectContaining({ level: "warn", count: 1, list_id: listId }),
  ])
  sandbox.changes.addMember(listId)
  await sandbox.deliverer.settled()
  expect(rows("deliveries")).toHaveLength(1)
  expect(rows("webhooks")[0]?.["signing_secret"]).toStartWith("eyJ")
})

test("whatever is sent to the receiver, it never fails, and each delivery of a known webhook is stored", async () => {
  await using running = await startWebhookService()
  const { service, listId, call, rows, hooks } = running
  await call("PUT", `/lists/${listId}/webhook`)
  const known = hooks()[0]?.url ?? ""
  const key = fc.oneof(
    fc.constantFrom(
      "type",
      "data[email]",
      "data[action]",
      "data[old_email]",
      "__proto__",
      "data[__proto__][x]",
    ),
    fc.string({ unit: "binary" }),
    fc.integer({ min: 1, max: 2000 }).map((depth) => `data${"[a]".repeat(depth)}`),
    fc.integer({ min: 1, max: 20 }).map((length) => "k".repeat(length * 50_000)),
  )
  const form = fc
    .array(fc.tuple(key, fc.string({ unit: "binary" })), { maxLength: 300 })
    .map((pairs) =>
      pairs
        .map(
          ([name, value]) =>
            `${encodeURIComponent(name.toWellFormed())}=${encodeURIComponent(value.toWellFormed())}`,
        )
        .join("&"),
    )
  const body = fc.oneof(
    form,
    fc.string({ unit: "binary" }),
    fc.uint8Array({ maxLength: 2000 }).map((bytes) => Uint8Array.from(bytes)),
  )
  const headers = fc.record(
    {
      "content-type": fc.constantFrom(
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; charset=utf-16",
        "multipart/form-data; boundary=x",
        "application/json",
        "text/plain",
      ),
      "content-encoding": fc.constantFrom("gzip", "br", "identity"),
      "x-mailchimp-signature": fc.constantFrom("t=1,v1=00", "t", ",,,,"),
    },
    { requiredKeys: [] },
  )
  let accepted = 0
  const keptBefore = keptBytes()
  await fc.assert(
    fc.asyncProperty(body, headers, fc.boolean(), async (body, headers, isKnown) => {
      const url = isKnown ? known : `${service.api}/webhooks/${"0".repeat(64)}`
      const { status } = await fetch(url, { method: "POST", body, headers })
      accepted += status === 200 ? 1 : 0
      expect(status).toBe(isKnown ? 200 : 410)
    }),
    { numRuns: 400 },
  )
  expect(rows("deliveries")).toHaveLength(accepted)
  expect(accepted).toBeGreaterThan(100)
  expect(service.log.filter((line) => line.includes('"level":"error"'))).toEqual([])
  // That no more of a form is read than is kept, test/webhooks/read-form.test.ts shows.
  expect(keptBytes() - keptBefore).toBeLessThan(32 * 2 ** 20)
}, 120_000)

/** What is in use after a collection: the process's size also depends on what ran in it before. */
function keptBytes(): number {
  Bun.gc(true)
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

describeWithFerretdb("with MongoDB", () => {
  test(
    "a database that is down is a 503, never the 410 that would disable the webhook, and afterwards deliveries are stored",
    async () => {
      const database = await startFragileFerretdb()
      const mailchimp = startSandbox({
        decision: "approve",
        accounts: [{ lists: [{ name: "One", count: 5 }] }],
      })
      const uri = `mongodb://${database.host}/deliveries`
      const service = await startService({ ...sandboxEnv(mailchimp), MONGODB_URI: uri })
      try {
        const headers = await connectAccount(service)
        const [list] = mailchimp.sandbox.state.accounts[0]?.lists ?? []
        const put = await fetch(`${service.api}/lists/${list?.id}/webhook`, { method: "PUT", headers })
        expect(put.status).toBe(200)
        const url = list?.webhooks[0]?.url ?? ""
        const post = async () => (await fetch(url, { method: "POST", body: "type=profile" })).status
        expect(await post()).toBe(200)
        await database.kill9()
        expect(await post()).toBe(503)
        expect((await fetch(url)).status).toBe(503)
        await database.restart()
        for (;;) {
          const status = await post()
          if (status === 200) break
          expect(status).toBe(503)
          await Bun.sleep(50)
        }
        expect((await fetch(`${service.api}/auth`, { method: "DELETE", headers })).status).toBe(200)
        expect(await post()).toBe(410)
        expect(list?.webhooks).toEqual([])
        const counts = await withRawMongo(uri, (db) =>
          Promise.all(
            ["key", "webhook", "delivery"].map((name) =>
              db.collection(`integrations.mailchimp.${name}`).countDocuments(),
            ),
          ),
        )
        expect(counts).toEqual([0, 0, 0])
      } finally {
        await service.stop()
        await mailchimp.stop()
        await database.stop()
      }
    },
    buildTimeoutMs,
  )
})
