import { afterAll, beforeEach, expect, test } from "bun:test"
import { createMailchimpClient } from "../../../src/mailchimp/client.ts"
import { createFixedAllowance } from "../../../src/mailchimp/limiter/allowance.ts"
import { createLimiters } from "../../../src/mailchimp/limiter/limiters.ts"
import { createWebhook, deleteWebhook, readWebhooks } from "../../../src/mailchimp/lists/webhooks.ts"
import { startSandbox } from "../../../src/sandbox/serve.ts"
import { systemClock } from "../../../src/lib/time.ts"

const listId = "a1b2c3d4e5"
const receiver = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() })
const url = `${receiver.url.origin}/hook`
const running = startSandbox({
  accounts: [
    { tokens: ["abc"], lists: [{ name: "News", id: listId }] },
    { tokens: ["def"], signsWebhooks: true, lists: [{ name: "Signed", id: "f6a7b8c9d0" }] },
  ],
})
const { sandbox } = running
afterAll(async () => {
  await running.stop()
  await receiver.stop(true)
})
beforeEach(() => sandbox.reset())

const options = { signal: new AbortController().signal, deadlineMs: 5000 }
const limiters = createLimiters({
  allowanceOf: () => createFixedAllowance({ ratePerSecond: 10_000 }),
  clock: systemClock,
})
const clientOf = (accessToken: string) =>
  createMailchimpClient({
    accessToken,
    dc: "us19",
    apiUrl: `${running.url}/3.0`,
    flow: limiters.join({ dc: "us19", userId: accessToken }),
    random: () => 0,
  })
const client = clientOf("abc")

test("a webhook is made for every event that changes a member and every source, listed, and deleted", async () => {
  const { id, signingSecret } = await createWebhook(client, listId, url, options)
  expect(signingSecret).toBeUndefined()
  expect(await readWebhooks(client, listId, options)).toEqual([{ id, url, isComplete: true }])
  const [hook] = sandbox.state.list(listId).webhooks
  expect(hook?.events).toEqual({
    subscribe: true,
    unsubscribe: true,
    profile: true,
    cleaned: true,
    upemail: true,
    campaign: false,
  })
  expect(hook?.sources).toEqual({ user: true, admin: true, api: true })
  await deleteWebhook(client, listId, id, options)
  expect(await readWebhooks(client, listId, options)).toEqual([])
  await deleteWebhook(client, listId, id, options)
  await deleteWebhook(client, "0000000000", id, options)
})

test("the response to the POST tells the signing secret of an account that has one", async () => {
  const { signingSecret } = await createWebhook(clientOf("def"), "f6a7b8c9d0", url, options)
  expect(signingSecret).toBeString()
})

test("a POST is sent once, whatever its response; a DELETE is retried", async () => {
  sandbox.faults.add({ match: { method: "POST" }, action: { kind: "html", status: 502 } })
  const posts = () => sandbox.traffic.log.filter(({ method }) => method === "POST").length
  await expect(createWebhook(client, listId, url, options)).rejects.toMatchObject({ code: "mailchimp_error" })
  expect(posts()).toBe(1)
  const { id } = await createWebhook(client, listId, url, options)
  sandbox.faults.add({ match: { method: "DELETE" }, action: { kind: "html", status: 502 }, times: 2 })
  await deleteWebhook(client, listId, id, options)
  expect(await readWebhooks(client, listId, options)).toEqual([])
})

test("a webhook that lacks an event, or that Mailchimp says it disabled, is not complete", async () => {
  const hook = (changes: object) => ({
    id: "1",
    url,
    events: { subscribe: true, unsubscribe: true, profile: true, cleaned: true, upemail: true },
    sources: { user: true, admin: true, api: true },
    ...changes,
  })
  const hooks = [
    hook({}),
    hook({ id: "2", events: { subscribe: true } }),
    hook({ id: "3", sources: { user: true, admin: false, api: true } }),
    hook({ id: "4", enabled: false }),
    hook({ id: "5", events: null }),
    hook({ id: "../6" }),
  ]
  sandbox.faults.add({
    match: { path: "/webhooks" },
    action: { kind: "json", status: 200, body: { webhooks: hooks, total_items: 6 } },
    times: 2,
  })
  const read = await readWebhooks(client, listId, options)
  expect(read.map(({ id, isComplete }) => [id, isComplete])).toEqual([
    ["1", true],
    ["2", false],
    ["3", false],
    ["4", false],
    ["5", false],
    ["", false],
  ])
})
