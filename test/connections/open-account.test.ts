import { afterAll, beforeEach, expect, test } from "bun:test"
import { join } from "node:path"
import type { ConnectionMetadata, Owner } from "../../src/connections/connection.ts"
import { createConnectionWatch } from "../../src/connections/connection-watch.ts"
import { createOpenAccount, type AccountEvent } from "../../src/connections/open-account.ts"
import { AppError } from "../../src/errors.ts"
import { systemClock } from "../../src/lib/time.ts"
import { createFixedAllowance } from "../../src/mailchimp/limiter/allowance.ts"
import { createLimiters } from "../../src/mailchimp/limiter/limiters.ts"
import { listLists } from "../../src/mailchimp/lists/lists.ts"
import { createMailchimpOAuth } from "../../src/mailchimp/oauth.ts"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { openStorage } from "../../src/storage/storage.ts"
import { createCountedSignal } from "../support/counted-signal.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"
import { until } from "../support/until.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"

const userId = 42
const token = "token-of-the-sandbox"
const mailchimp = startSandbox({
  accounts: [{ userId, dc: "us7", tokens: [token], lists: [{ name: "One", count: 1 }] }],
})
const folder = temporaryFolder()
const storage = await openStorage({ sqlitePath: join(folder.path, "export.sqlite") })
afterAll(async () => {
  await mailchimp.stop()
  await storage.close()
  folder.remove()
})

const oauth = createMailchimpOAuth({
  clientId: "id",
  clientSecret: "secret",
  redirectUri: "http://127.0.0.1/callback",
  authorizationUrl: `${mailchimp.url}/oauth2/authorize`,
  tokenUrl: `${mailchimp.url}/oauth2/token`,
  dataCenterUrl: `${mailchimp.url}/oauth2/metadata`,
})
const limiters = createLimiters({ allowanceOf: () => createFixedAllowance({ ratePerSecond: 1000 }) })
const { signal } = new AbortController()
const events: AccountEvent[] = []
let update = storage.connections.update
const watch = createConnectionWatch({ connections: storage.connections, clock: systemClock })
const openAccount = createOpenAccount({
  watch: watch.watch,
  connections: { find: storage.connections.find, update: (...args) => update(...args) },
  limiters,
  readMetadata: oauth.readMetadata,
  clientOptions: { apiUrl: `${mailchimp.url}/{dc}/3.0` },
  onEvent: (event) => events.push(event),
})

let owner: Owner
beforeEach(() => {
  mailchimp.sandbox.reset()
  owner = { accountId: "acme", uid: crypto.randomUUID() }
  update = storage.connections.update
  events.length = 0
})

const connect = (metadata: ConnectionMetadata) =>
  storage.connections.insert({
    id: crypto.randomUUID(),
    owner,
    accessToken: token,
    metadata,
    connectedAt: new Date(),
  })
const stored = async () => {
  const connection = await storage.connections.find(owner)
  if (connection === undefined) throw new Error("not stored")
  return connection
}
const use = async (deadlineMs = 0) => {
  using account = await openAccount(owner, signal)
  return Array.fromAsync(listLists(account.client, { signal, deadlineMs }))
}
const metadataRequests = () =>
  mailchimp.sandbox.traffic.log.filter(({ path }) => path === "/oauth2/metadata").length

test("requests go to the stored data center, and the limiter is left at the end", async () => {
  await connect({ dc: "us7", userId: String(userId) })
  expect(await use()).toHaveLength(1)
  expect(metadataRequests()).toBe(0)
  expect(limiters.states().map(({ flows }) => flows)).toEqual([0])
})

test("a user id that an older service did not store is requested once and stored", async () => {
  await connect({ dc: "us7" })
  await use()
  await use()
  expect((await stored()).metadata.userId).toBe(String(userId))
  expect(metadataRequests()).toBe(1)
})

test("if Mailchimp does not send the user id, the account can be used anyway", async () => {
  await connect({ dc: "us7" })
  mailchimp.sandbox.faults.add({
    match: { path: "/oauth2/metadata" },
    action: { kind: "problem", problem: "forbidden" },
  })
  expect(await use()).toHaveLength(1)
})

test.each(["wrong_datacenter", "api_key_invalid"] as const)(
  "requests follow an account that moved to another data center, and the move is stored: %s",
  async (wrongDataCenterWith) => {
    mailchimp.sandbox.settings.wrongDataCenterWith = wrongDataCenterWith
    await connect({ dc: "us1", userId: String(userId) })
    expect(await use()).toHaveLength(1)
    expect((await stored()).metadata.dc).toBe("us7")
    expect((await stored()).tokenInvalidated).toBe(false)
    expect(metadataRequests()).toBe(1)
  },
)

test("a single 401 for a valid token is retried and marks nothing", async () => {
  await connect({ dc: "us7", userId: String(userId) })
  for (const action of [
    { kind: "problem", problem: "api_key_invalid" },
    { kind: "json", status: 401, body: { message: "Unauthorized" } },
    { kind: "html", status: 401 },
  ] as const) {
    mailchimp.sandbox.faults.add({ match: { path: "/lists" }, action })
    expect(await use(30_000)).toHaveLength(1)
  }
  expect((await stored()).tokenInvalidated).toBe(false)
})

test("a 401 marks nothing while the metadata cannot be read, and is final once they can", async () => {
  await connect({ dc: "us7", userId: String(userId) })
  mailchimp.sandbox.revoke(userId)
  for (const action of [
    { kind: "problem", problem: "internal_server_error" },
    { kind: "html", status: 200 },
    { kind: "json", status: 401, body: { error: "invalid_token" } },
    { kind: "html", status: 502 },
  ] as const) {
    mailchimp.sandbox.faults.add({ match: { path: "/metadata" }, action })
    await expect(use()).rejects.toMatchObject({
      code: "mailchimp_error",
      status: 502,
      retryable: true,
      upstream: { status: 401, title: "API Key Invalid" },
    })
    expect((await stored()).tokenInvalidated).toBe(false)
  }
  mailchimp.sandbox.faults.add({ match: { path: "/metadata" }, action: { kind: "reset" } })
  await expect(use(30_000)).rejects.toMatchObject({ code: "connection_invalidated" })
  expect((await stored()).tokenInvalidated).toBe(true)
})

test("a token that Mailchimp refuses marks its connection, and the next use fails without a request", async () => {
  await connect({ dc: "us7", userId: String(userId) })
  mailchimp.sandbox.revoke(userId)
  await expect(use()).rejects.toMatchObject({ code: "connection_invalidated", upstream: { status: 401 } })
  expect((await stored()).tokenInvalidated).toBe(true)
  const requested = mailchimp.sandbox.traffic.total
  await expect(use()).rejects.toMatchObject({ code: "connection_invalidated", upstream: undefined })
  expect(mailchimp.sandbox.traffic.total).toBe(requested)
})

test('a single "User Disabled" response marks nothing', async () => {
  await connect({ dc: "us7", userId: String(userId) })
  mailchimp.sandbox.setDisabled(userId, true)
  await expect(use()).rejects.toMatchObject({ code: "mailchimp_error", upstream: { title: "User Disabled" } })
  expect((await stored()).tokenInvalidated).toBe(false)
})

test("a user who stays disabled for ten seconds marks the connection, before the caller's half minute is over", async () => {
  const clock = createVirtualClock()
  const openAccount = createOpenAccount({
    connections: storage.connections,
    watch: watch.watch,
    limiters: createLimiters({ clock }),
    readMetadata: oauth.readMetadata,
    clientOptions: { apiUrl: `${mailchimp.url}/{dc}/3.0`, clock, fetch: clock.watch(fetch) },
  })
  await connect({ dc: "us7", userId: String(userId) })
  mailchimp.sandbox.setDisabled(userId, true)
  using account = await openAccount(owner, signal)
  const reading = Array.fromAsync(listLists(account.client, { signal, deadlineMs: 30_000 }))
  expect(await clock.settle(reading).catch((error: unknown) => error)).toMatchObject({
    code: "connection_invalidated",
    upstream: { status: 403, title: "User Disabled" },
  })
  expect(clock.monotonicMs()).toBeWithin(10_000, 11_000)
  expect((await stored()).tokenInvalidated).toBe(true)
})

test("the caller receives Mailchimp's error even if the database cannot be updated", async () => {
  await connect({ dc: "us7", userId: String(userId) })
  mailchimp.sandbox.revoke(userId)
  update = () => Promise.reject(new AppError("database_unavailable", "Cannot write"))
  await expect(use()).rejects.toMatchObject({ code: "connection_invalidated" })
  expect(events).toEqual([{ type: "connection_not_updated", error: expect.any(AppError) }])
})

test("a late refusal of an old token does not mark the new connection", async () => {
  await connect({ dc: "us7", userId: String(userId) })
  using account = await openAccount(owner, signal)
  await storage.connections.delete(await stored())
  await connect({ dc: "us7", userId: String(userId) })
  mailchimp.sandbox.revoke(userId)
  await Array.fromAsync(listLists(account.client, { signal })).catch(() => {})
  expect((await stored()).tokenInvalidated).toBe(false)
})

test("when the connection is deleted, a request in flight aborts, and no new one starts", async () => {
  await connect({ dc: "us7", userId: String(userId) })
  using account = await openAccount(owner, signal)
  mailchimp.sandbox.faults.add({ action: { kind: "hang" } })
  const hanging = Array.fromAsync(listLists(account.client, { signal })).catch((error: unknown) => error)
  await until("the first request", () => mailchimp.sandbox.traffic.total > 0)
  watch.ended(account.connection)
  expect(await hanging).toMatchObject({ code: "disconnected" })
  const lists = Array.fromAsync(listLists(account.client, { signal }))
  await expect(lists).rejects.toMatchObject({ code: "disconnected" })
  await expect(account.client.waitUntil(Infinity, 60, signal)).rejects.toMatchObject({ code: "disconnected" })
  await expect(account.client.pause(60, signal)).rejects.toMatchObject({ code: "disconnected" })
  expect(mailchimp.sandbox.traffic.total).toBe(1)
})

test("deleting the connection also aborts a pause before a retry and a metadata request", async () => {
  await connect({ dc: "us7", userId: String(userId) })
  for (const path of ["/lists", "/metadata"]) {
    mailchimp.sandbox.traffic.reset()
    using account = await openAccount(owner, signal)
    mailchimp.sandbox.faults.add({
      match: { path: "/lists" },
      action: { kind: "problem", problem: "api_key_invalid" },
      times: path === "/lists" ? Infinity : 1,
    })
    mailchimp.sandbox.faults.add({ match: { path }, action: { kind: "hang" } })
    const reading = Array.fromAsync(listLists(account.client, { signal })).catch((error: unknown) => error)
    const reached = path === "/lists" ? 3 : 2
    await until("the request that hangs", () => mailchimp.sandbox.traffic.total >= reached)
    watch.ended(account.connection)
    expect(await reading).toMatchObject({ code: "disconnected" })
    const { total } = mailchimp.sandbox.traffic
    await Bun.sleep(0)
    expect(mailchimp.sandbox.traffic.total).toBe(total)
    mailchimp.sandbox.faults.clear()
  }
})

test("hundreds of requests leave no listener on the caller's signal", async () => {
  await connect({ dc: "us7", userId: String(userId) })
  const counted = createCountedSignal()
  using account = await openAccount(owner, counted.signal)
  for (let made = 0; made < 300; made += 1)
    await Array.fromAsync(listLists(account.client, { signal: counted.signal }))
  expect(counted.listeners()).toBe(0)
})

test("without a connection there is nothing to open", async () => {
  await expect(openAccount(owner, signal)).rejects.toMatchObject({ code: "access_token_not_found" })
})
