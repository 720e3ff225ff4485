import { afterAll, beforeEach, expect, test } from "bun:test"
import { join } from "node:path"
import type { ConnectionMetadata, Owner } from "../../src/connections/connection.ts"
import { createDisconnect } from "../../src/connections/disconnect.ts"
import { toOutcomeUrl } from "../../src/connections/forward-url.ts"
import { createFinishAuthorization } from "../../src/connections/finish-authorization.ts"
import { createStartAuthorization } from "../../src/connections/start-authorization.ts"
import { AppError } from "../../src/errors.ts"
import { type Clock, systemClock } from "../../src/lib/time.ts"
import { InvalidToken } from "../../src/mailchimp/errors.ts"
import { createSealer } from "../../src/sealer.ts"
import { openStorage } from "../../src/storage/storage.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"
import { until } from "../support/until.ts"

const folder = temporaryFolder()
let nowMs = Date.UTC(2026, 0, 1)
/** Pauses take no time; timeouts elapse only when `elapse` is called. */
let elapse = () => {}
const clock: Clock = {
  ...systemClock,
  now: () => nowMs,
  sleep: (ms, signal) => {
    if (signal === undefined) return Promise.resolve()
    slept.push(ms)
    return new Promise((resolve, reject) => {
      elapse = resolve
      signal.addEventListener("abort", () => reject(signal.reason), { once: true })
    })
  },
}
const slept: number[] = []
const storage = await openStorage({ sqlitePath: join(folder.path, "export.sqlite"), clock })
afterAll(async () => {
  await storage.close()
  folder.remove()
})

const { connections, usedStates } = storage
const sealer = createSealer([{ id: "k1", key: new Uint8Array(32).fill(1) }])
const forwardUrl = "https://app.example.com/done?tab=2"
const browserSecret = "b".repeat(43)
let owner: Owner = { accountId: "acme", uid: "ada" }

const exchanged: string[] = []
let exchangeCode: (code: string) => Promise<string>
let metadata: ConnectionMetadata
let readings = 0
let readMetadata: (signal?: AbortSignal) => Promise<ConnectionMetadata>
let update = connections.update
let useState = usedStates.use

beforeEach(() => {
  owner = { accountId: "acme", uid: crypto.randomUUID() }
  exchanged.length = 0
  exchangeCode = async (code) => {
    exchanged.push(code)
    return `token-of-${code}`
  }
  metadata = { dc: "us1", userId: "7", accountName: "Acme" }
  readings = 0
  readMetadata = async () => metadata
  update = connections.update
  useState = usedStates.use
})

const readCounted = (signal?: AbortSignal) => {
  readings += 1
  return readMetadata(signal)
}
const invalidToken = () =>
  Promise.reject<ConnectionMetadata>(new InvalidToken("metadata_invalid", "Cannot read"))
const unreadable = () => Promise.reject<ConnectionMetadata>(new AppError("metadata_invalid", "Cannot read"))

const start = createStartAuthorization({
  connections: { find: connections.find, update: (...args) => update(...args) },
  readMetadata: (_accessToken, signal) => readCounted(signal),
  sealer,
  forwardUrlOrigins: ["https://app.example.com"],
  toAuthorizationUrl: (state) => `https://login.example.com/authorize?state=${state}`,
  clock,
})
const removed: string[] = []
const { forget } = createDisconnect({
  connections,
  removeAtMailchimp: async ({ id }) => {
    removed.push(id)
    return []
  },
  forget: [],
  scrub: async () => {},
})
const finish = createFinishAuthorization({
  connections,
  forget,
  usedStates: { use: (...args) => useState(...args) },
  sealer,
  forwardUrlOrigins: ["https://app.example.com"],
  exchangeCode: (code) => exchangeCode(code),
  readMetadata: () => readCounted(),
  clock,
})

async function login(secret: string | undefined = browserSecret): Promise<string> {
  const started = await start({ owner, forwardUrl, browserSecret: secret })
  return started.connected ? "connected" : (new URL(started.redirectUrl).searchParams.get("state") ?? "")
}

function callback(
  state: string | undefined,
  changes: { code?: string | undefined; error?: string; browserSecret?: string | undefined } = {},
) {
  return finish({ state, code: "code", error: undefined, browserSecret, ...changes })
}

/** The outcome in the forward URL, and the problem for a client that requested JSON. */
function outcomeOf({ forwardUrl, failure }: Awaited<ReturnType<typeof callback>>) {
  const { searchParams } = new URL(forwardUrl)
  return [searchParams.get("status"), searchParams.get("reason"), failure?.code]
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  return error instanceof AppError ? error.code : `not an AppError: ${String(error)}`
}

test("a login with the user's consent stores a connection, and its forward URL keeps its query", async () => {
  const outcome = await callback(await login())
  expect(outcome).toEqual({
    forwardUrl: "https://app.example.com/done?tab=2&status=success&integration=mailchimp",
  })
  const connection = await connections.find(owner)
  expect(connection).toMatchObject({ owner, accessToken: "token-of-code", metadata, tokenInvalidated: false })
  expect(connection?.connectedAt).toEqual(new Date(nowMs))
})

test("with a live connection there is nothing to authorize", async () => {
  await callback(await login())
  expect(await start({ owner, forwardUrl, browserSecret })).toEqual({
    connected: true,
    forwardUrl: "https://app.example.com/done?tab=2&status=success&integration=mailchimp",
  })
})

test("a connection whose token was revoked at Mailchimp, unknown to us, leads to the consent page", async () => {
  await callback(await login())
  readMetadata = invalidToken
  const state = await login()
  expect(state).not.toBe("connected")
  expect((await connections.find(owner))?.tokenInvalidated).toBe(true)
  readMetadata = async () => metadata
  expect((await callback(state, { code: "two" })).failure).toBeUndefined()
  expect(await connections.find(owner)).toMatchObject({
    accessToken: "token-of-two",
    tokenInvalidated: false,
  })
})

test("if the metadata do not say that the token is invalid, the stored mark decides", async () => {
  await callback(await login())
  readMetadata = unreadable
  expect(await login()).toBe("connected")
  metadata = { dc: "us9" }
  readMetadata = async () => metadata
  expect(await login()).toBe("connected")
  expect((await connections.find(owner))?.tokenInvalidated).toBe(false)
})

test("metadata that do not arrive within two seconds are ignored", async () => {
  await callback(await login())
  slept.length = 0
  const signals: (AbortSignal | undefined)[] = []
  readMetadata = (signal) => {
    signals.push(signal)
    return new Promise(() => {})
  }
  const reached = login()
  await until("a metadata request", () => signals.length > 0)
  elapse()
  expect(await reached).toBe("connected")
  expect([slept, signals.map((signal) => signal?.aborted)]).toEqual([[2000], [true]])
})

test("no metadata are read without a connection, for an invalidated one, or for a refused forward URL", async () => {
  await login()
  expect(readings).toBe(0)
  await callback(await login())
  readings = 0
  await start({ owner, forwardUrl: "https://evil.example", browserSecret }).catch(() => {})
  readMetadata = invalidToken
  await login()
  expect(readings).toBe(1)
  await login()
  expect(readings).toBe(1)
})

test("an invalid token that cannot be marked fails the login, because the callback would refuse the new connection", async () => {
  await callback(await login())
  readMetadata = invalidToken
  update = () => Promise.reject(new AppError("database_unavailable", "Cannot"))
  expect(await codeOf(login())).toBe("database_unavailable")
})

test("the metadata are read again if Mailchimp does not know a new token yet, because its code is used up", async () => {
  readMetadata = () => (readings < 3 ? invalidToken() : Promise.resolve(metadata))
  expect((await callback(await login())).failure).toBeUndefined()
  expect(readings).toBe(3)
})

test("a token that Mailchimp never accepts forwards metadata_invalid and stores no connection", async () => {
  readMetadata = invalidToken
  const outcome = await callback(await login())
  expect(outcome.forwardUrl).toEndWith("reason=metadata_invalid")
  expect([readings, exchanged]).toEqual([3, ["code"]])
  expect(await connections.find(owner)).toBeUndefined()
})

test("a state is used once; a reload after a success reports success", async () => {
  const state = await login()
  await callback(state)
  expect(outcomeOf(await callback(state))).toEqual(["success", null, "invalid_state"])
  expect(exchanged).toEqual(["code"])
})

test("a reload after the connection was deleted or invalidated reports login_expired", async () => {
  const state = await login()
  await callback(state)
  const connection = await connections.find(owner)
  if (connection === undefined) throw new Error("not stored")
  await connections.update(connection, { tokenInvalidated: true })
  expect(outcomeOf(await callback(state))).toEqual(["failed", "login_expired", "invalid_state"])
  await connections.delete(connection)
  expect(outcomeOf(await callback(state))).toEqual(["failed", "login_expired", "invalid_state"])
})

test("a reload while the code is being exchanged waits for the outcome", async () => {
  const exchange = Promise.withResolvers<string>()
  const isExchanging = Promise.withResolvers<void>()
  exchangeCode = () => {
    isExchanging.resolve()
    return exchange.promise
  }
  const state = await login()
  const first = callback(state)
  await isExchanging.promise
  const reloadFinds = Promise.withResolvers<void>()
  useState = async (...args) => {
    const isNew = await usedStates.use(...args)
    reloadFinds.resolve()
    return isNew
  }
  const reload = callback(state)
  await reloadFinds.promise
  exchange.resolve("token")
  expect([outcomeOf(await first), outcomeOf(await reload)]).toEqual([
    ["success", null, undefined],
    ["success", null, "invalid_state"],
  ])
})

test("a state is also used when the user refuses, and a reload reports the refusal", async () => {
  const state = await login()
  const refused = { code: undefined, error: "access_denied" }
  await callback(state, refused)
  expect(outcomeOf(await callback(state, refused))).toEqual(["failed", "access_denied", "invalid_state"])
  expect(outcomeOf(await callback(state))).toEqual(["failed", "login_expired", "invalid_state"])
  expect(await connections.find(owner)).toBeUndefined()
})

test.each([
  ["another browser", "c".repeat(43)],
  ["a browser without the cookie", undefined],
])("%s learns nothing about the store: connected or not, used or not", async (_, browserSecret) => {
  const [first, second] = [await login(), await login()]
  const other = ["failed", "other_browser", "invalid_state"]
  expect(outcomeOf(await callback(first, { browserSecret }))).toEqual(other)
  expect(exchanged).toEqual([])
  await callback(first)
  expect(outcomeOf(await callback(first, { browserSecret }))).toEqual(other)
  expect(outcomeOf(await callback(second, { browserSecret }))).toEqual(other)
  expect(
    outcomeOf(await callback(second, { browserSecret, code: undefined, error: "access_denied" })),
  ).toEqual(other)
  expect(exchanged).toEqual(["code"])
})

test("a forward URL that is no longer allowed is refused without a request, and no state is used", async () => {
  const state = await sealer.seal(
    { id: crypto.randomUUID(), owner, forwardUrl: "https://old.example.com/", expiresAt: nowMs + 1000 },
    { purpose: "state" },
  )
  expect(await codeOf(callback(state))).toBe("invalid_state")
  expect(exchanged).toEqual([])
})

/** Another text of the same length: its third character from the end is another one, which carries six bits. */
function changed(state: string): string {
  return `${state.slice(0, -3)}${state.at(-3) === "A" ? "B" : "A"}${state.slice(-2)}`
}

test.each([
  ["no state", async () => callback(undefined)],
  ["a state that was never sealed", async () => callback("state")],
  ["a state that was changed", async () => callback(changed(await login()))],
  [
    "a text that was sealed for another purpose",
    async () => callback(await sealer.seal({}, { purpose: "token", owner: "" })),
  ],
  ["a state of another version", async () => callback(await sealer.seal({ id: "1" }, { purpose: "state" }))],
  [
    "a state that was sealed with another key",
    async () =>
      callback(
        await createSealer([{ id: "k1", key: new Uint8Array(32).fill(2) }]).seal({}, { purpose: "state" }),
      ),
  ],
])("a callback with %s is refused before anything is requested or stored", async (_, call) => {
  expect(await codeOf(call())).toBe("invalid_state")
  expect(exchanged).toEqual([])
  expect(await connections.find(owner)).toBeUndefined()
})

test("a state expires after ten minutes", async () => {
  const [first, second] = [await login(), await login()]
  nowMs += 10 * 60_000 - 1
  expect((await callback(first)).failure).toBeUndefined()
  nowMs += 1
  // The first login connected the account, and the browser of both may learn that.
  expect(outcomeOf(await callback(second))).toEqual(["success", null, "invalid_state"])
  const stranger = await callback(second, { browserSecret: undefined })
  expect(outcomeOf(stranger)).toEqual(["failed", "login_expired", "invalid_state"])
  expect(exchanged).toEqual(["code"])
  owner = { accountId: "acme", uid: crypto.randomUUID() }
  const third = await login()
  nowMs += 10 * 60_000
  expect(outcomeOf(await callback(third))).toEqual(["failed", "login_expired", "invalid_state"])
})

test("a login that is not bound to a browser needs no cookie", async () => {
  const started = await start({ owner, forwardUrl, browserSecret: undefined })
  const state = started.connected ? "" : (new URL(started.redirectUrl).searchParams.get("state") ?? "")
  expect((await callback(state, { browserSecret: undefined })).failure).toBeUndefined()
})

test("a callback with neither a code nor an error does not use the state", async () => {
  const state = await login()
  expect(outcomeOf(await callback(state, { code: undefined }))).toEqual([
    "failed",
    "exchange_failed",
    "invalid_parameter",
  ])
  expect((await callback(state)).failure).toBeUndefined()
})

test.each([
  ["access_denied", "access_denied"],
  ["server_error", "exchange_failed"],
  ["temporarily_unavailable", "exchange_failed"],
  ["an unknown error", "exchange_failed"],
  ["invalid_client", "client_rejected"],
  ["unauthorized_client", "client_rejected"],
  ["redirect_uri_mismatch", "client_rejected"],
  ["unsupported_response_type", "client_rejected"],
])("Mailchimp's error %s forwards the reason %s", async (error, reason) => {
  const outcome = await callback(await login(), { code: undefined, error })
  expect(outcome.forwardUrl).toBe(
    `https://app.example.com/done?tab=2&status=failed&integration=mailchimp&reason=${reason}`,
  )
  expect(outcome.failure?.code).toBe(reason === "access_denied" ? "access_denied" : "exchange_failed")
})

test("a failed exchange is not retried, and forwards its reason", async () => {
  exchangeCode = async (code) => {
    exchanged.push(code)
    throw new AppError("exchange_failed", "Cannot connect")
  }
  const outcome = await callback(await login())
  expect(outcome.forwardUrl).toEndWith("status=failed&integration=mailchimp&reason=exchange_failed")
  expect(exchanged).toEqual(["code"])
  expect(await connections.find(owner)).toBeUndefined()
})

test("a second connection is refused while the first is live, before its code is exchanged", async () => {
  const [first, second] = [await login(), await login()]
  await callback(first, { code: "one" })
  const outcome = await callback(second, { code: "two" })
  expect(outcome.failure?.code).toBe("connection_exists")
  expect(exchanged).toEqual(["one"])
  expect((await connections.find(owner))?.accessToken).toBe("token-of-one")
})

test("an invalidated connection stays until the callback replaces it; the same user keeps the connection id", async () => {
  await callback(await login())
  const old = await connections.find(owner)
  if (old === undefined) throw new Error("not stored")
  await connections.update(old, { tokenInvalidated: true })

  const state = await login()
  expect((await connections.find(owner))?.revision).toBe(old.revision)
  await callback(state, { code: "two" })
  const renewed = await connections.find(owner)
  expect(renewed).toMatchObject({ id: old.id, accessToken: "token-of-two", tokenInvalidated: false })
  expect(renewed?.revision).not.toBe(old.revision)
  expect(removed).not.toContain(old.id)
})

test("another Mailchimp user gets another id, because old cursors are not valid for their account", async () => {
  await callback(await login())
  const old = await connections.find(owner)
  if (old === undefined) throw new Error("not stored")
  await connections.update(old, { tokenInvalidated: true })
  metadata = { dc: "us1", userId: "8" }
  await callback(await login())
  expect((await connections.find(owner))?.id).not.toBe(old.id)
  expect(removed).toContain(old.id)
})

test("a login finishes a disconnection that was interrupted", async () => {
  await callback(await login())
  const old = await connections.find(owner)
  if (old === undefined) throw new Error("not stored")
  await connections.update(old, { disconnecting: true })
  await callback(await login(), { code: "two" })
  expect(removed).toContain(old.id)
  expect(await connections.find(owner)).toMatchObject({ accessToken: "token-of-two" })
  expect(await connections.disconnecting(owner)).toEqual([])
})

test("of 50 concurrent callbacks one connects, and all others report the reason", async () => {
  const states = await Promise.all(Array.from({ length: 50 }, () => login()))
  const outcomes = await Promise.all(states.map((state) => callback(state)))
  const reasons = outcomes.map(({ failure }) => failure?.code)
  expect(reasons.filter((code) => code === undefined)).toHaveLength(1)
  expect(reasons.filter((code) => code === "connection_exists")).toHaveLength(49)
})

test("of 50 concurrent callbacks with one state one reaches Mailchimp", async () => {
  const state = await login()
  const outcomes = await Promise.all(Array.from({ length: 50 }, () => callback(state)))
  expect(outcomes.filter(({ failure }) => failure?.code === "invalid_state")).toHaveLength(49)
  expect(outcomes.filter(({ forwardUrl }) => forwardUrl.includes("status=success"))).toHaveLength(50)
  expect(exchanged).toHaveLength(1)
})

test.each([
  ["https://app.example.com", "https://app.example.com/?status=success&integration=mailchimp"],
  [
    "https://app.example.com/a?x=c%20d&flag&sig=a+b#top",
    "https://app.example.com/a?x=c%20d&flag&sig=a+b&status=success&integration=mailchimp#top",
  ],
  [
    "https://app.example.com/?status=old&reason=x&statuses=1",
    "https://app.example.com/?statuses=1&status=success&integration=mailchimp",
  ],
])("the forward URL %s keeps its query byte for byte", (url, outcome) => {
  expect(toOutcomeUrl(url)).toBe(outcome)
})

test.each([
  ["javascript:alert(1)", "must be an absolute http or https URL"],
  ["/done", "must be an absolute http or https URL"],
  ["", "must be an absolute http or https URL"],
  ["https://ada:pass@app.example.com/", "must not contain a user name or a password"],
  ["https://app.example.com.evil.example/", "must have one of the allowed origins"],
  ["http://app.example.com/", "must have one of the allowed origins"],
  ["https://app.example.com:8443/", "must have one of the allowed origins"],
])("a login to %s is refused: forward_url %s", async (url, reason) => {
  const error = await start({ owner, forwardUrl: url, browserSecret }).catch((error: unknown) => error)
  expect(error).toBeInstanceOf(AppError)
  if (error instanceof AppError)
    expect(error.errors).toEqual([{ name: "forward_url", reason: expect.stringContaining(reason) }])
})
