import { expect, test } from "bun:test"
import type { Connection, ConnectionMetadata } from "../../src/connections/connection.ts"
import { createStandings } from "../../src/connections/standings.ts"
import { AppError } from "../../src/errors.ts"
import { abortable } from "../../src/lib/time.ts"
import { createMailchimpClient } from "../../src/mailchimp/client.ts"
import { InvalidToken } from "../../src/mailchimp/errors.ts"
import { createLimiter } from "../../src/mailchimp/limiter/limiter.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"

const connection: Connection = {
  id: "c1",
  revision: "r1",
  owner: { accountId: "acme", uid: "ada" },
  accessToken: "token",
  metadata: { dc: "us1", userId: "7", accountName: "Acme" },
  tokenInvalidated: false,
}
const { signal } = new AbortController()

/** Metadata requests that take a second, with the outcome of `response`. */
function setUp(response: () => ConnectionMetadata = () => ({ dc: "us1" })) {
  const clock = createVirtualClock()
  const moves: ConnectionMetadata[] = []
  const invalidated: string[] = []
  const signals: AbortSignal[] = []
  const standingOf = createStandings({
    readMetadata: async (_accessToken, signal) => {
      signals.push(signal)
      await clock.sleep(1000, signal)
      return response()
    },
    onMoved: async (_connection, metadata) => void moves.push(metadata),
    onInvalidated: async ({ revision }) => void invalidated.push(revision),
    clock,
  })
  return { clock, standingOf, moves, invalidated, signals }
}

test("the metadata are read once, however many requests of however many exports fail together", async () => {
  const { clock, standingOf, signals } = setUp()
  const standings = [standingOf(connection), standingOf(connection)]
  const located = standings.flatMap((standing) => Array.from({ length: 10 }, () => standing.locate(signal)))
  expect(await clock.settle(Promise.all(located))).toEqual(Array.from({ length: 20 }, () => "us1"))
  expect(signals).toHaveLength(1)
})

test("each connection has its own standing, even if it replaced another with the same id", async () => {
  const { clock, standingOf, signals } = setUp()
  const others = [connection, { ...connection, revision: "r2" }, { ...connection, id: "c3", revision: "r3" }]
  await clock.settle(Promise.all(others.map((other) => standingOf(other).locate(signal))))
  expect(signals).toHaveLength(3)
})

test("ten requests with 401s for ten minutes read the metadata 120 times at most, then fail", async () => {
  const { clock, standingOf, signals } = setUp()
  let requests = 0
  const client = createMailchimpClient({
    accessToken: "token",
    dc: "us1",
    apiUrl: "https://{dc}.api.example/3.0",
    flow: createLimiter({ clock }).join(),
    standing: standingOf(connection),
    fetch: async () => {
      requests += 1
      return Response.json({ title: "API Key Invalid" }, { status: 401 })
    },
    clock,
  })
  const request = { action: "read the lists", query: () => ({}), parse: () => 1, signal }
  const all = Array.from({ length: 10 }, () => client.request(request).catch((error: unknown) => error))
  for (const error of await clock.settle(Promise.all(all))) {
    expect(error).toMatchObject({ code: "mailchimp_error", upstream: { title: "API Key Invalid" } })
  }
  expect(requests).toBeGreaterThan(100)
  expect(signals.length).toBeLessThanOrEqual(120)
})

test("the metadata of a valid token are reused for five seconds, and then read again", async () => {
  let isGood = true
  const { clock, standingOf, signals } = setUp(() => {
    if (isGood) return { dc: "us1" }
    throw new InvalidToken("metadata_invalid", "Cannot")
  })
  const standing = standingOf(connection)
  expect(await clock.settle(standing.locate(signal))).toBe("us1")
  isGood = false
  await clock.advance(4999)
  expect(await clock.settle(standing.locate(signal))).toBe("us1")
  expect(signals).toHaveLength(1)
  await clock.advance(1)
  expect(await clock.settle(standing.locate(signal)).catch((error: unknown) => error)).toBeInstanceOf(
    InvalidToken,
  )
})

test("requests that fail a little later also learn that the token is invalid", async () => {
  const { clock, standingOf, signals } = setUp(() => {
    throw new InvalidToken("metadata_invalid", "Cannot")
  })
  for (const standing of [standingOf(connection), standingOf(connection)])
    expect(await clock.settle(standing.locate(signal)).catch((error: unknown) => error)).toBeInstanceOf(
      InvalidToken,
    )
  expect(signals).toHaveLength(1)
})

test("a failure to read the metadata is not kept", async () => {
  let isAway = true
  const { clock, standingOf } = setUp(() => {
    if (!isAway) return { dc: "us1" }
    throw new AppError("metadata_invalid", "Cannot")
  })
  const standing = standingOf(connection)
  expect(await clock.settle(standing.locate(signal)).catch((error: unknown) => error)).toMatchObject({
    code: "metadata_invalid",
  })
  isAway = false
  expect(await clock.settle(standing.locate(signal))).toBe("us1")
})

test("a move is stored once for all waiting requests, and keeps fields that Mailchimp leaves out", async () => {
  const { clock, standingOf, moves } = setUp(() => ({ dc: "us2", accountName: "Acme Inc" }))
  const standing = standingOf(connection)
  const located = await clock.settle(Promise.all([standing.locate(signal), standing.locate(signal)]))
  expect(located).toEqual(["us2", "us2"])
  expect(await standing.locate(signal)).toBe("us2")
  expect(moves).toEqual([{ dc: "us2", userId: "7", accountName: "Acme Inc" }])
})

test("each move is stored once, including a move back to the previous data center", async () => {
  const account = { dc: "us2" }
  const { clock, standingOf, moves } = setUp(() => account)
  for (const dc of ["us2", "us2", "us1", "us1"]) {
    account.dc = dc
    expect(await clock.settle(standingOf(connection).locate(signal))).toBe(dc)
    await clock.advance(5000)
  }
  expect(moves.map(({ dc }) => dc)).toEqual(["us2", "us1"])
})

test("a caller that leaves does not abort the metadata request of the others; the last one does", async () => {
  const { clock, standingOf, signals } = setUp()
  const callers = [new AbortController(), new AbortController()]
  const located = callers.map((caller) =>
    abortable(standingOf(connection).locate(caller.signal), caller.signal).catch((reason: unknown) => reason),
  )
  callers[0]?.abort("left")
  expect(await located[0]).toBe("left")
  expect(signals.map(({ aborted }) => aborted)).toEqual([false])
  callers[1]?.abort("left, too")
  expect(await located[1]).toBe("left, too")
  expect(signals.map(({ aborted }) => aborted)).toEqual([true])
  // Only the timer that forgets the connection, and its token, is left.
  expect(clock.sleepers()).toBe(1)
  await clock.advance(90_000)
  expect(clock.sleepers()).toBe(0)
})

test("a user counts as disabled after three responses over ten seconds, to any requests of the connection", async () => {
  const { clock, standingOf } = setUp()
  const [first, second] = [standingOf(connection), standingOf(connection)]
  expect([first, second, first, second].map((standing) => standing.recordDisabled())).not.toContain(true)
  await clock.advance(9999)
  expect(first.recordDisabled()).toBe(false)
  await clock.advance(1)
  expect(second.recordDisabled()).toBe(true)
})

test('two "User Disabled" responses are not enough, however far apart', async () => {
  const { clock, standingOf } = setUp()
  const standing = standingOf(connection)
  expect(standing.recordDisabled()).toBe(false)
  await clock.advance(59_000)
  expect(standing.recordDisabled()).toBe(false)
})

test('a good response, or a minute without a "User Disabled" response, resets the count', async () => {
  for (const doubt of ["answered", "forgotten"] as const) {
    const { clock, standingOf } = setUp()
    const standing = standingOf(connection)
    standing.recordDisabled()
    await clock.advance(9000)
    standing.recordDisabled()
    if (doubt === "answered") standingOf(connection).responded()
    else await clock.advance(60_001)
    await clock.advance(1000)
    expect(standing.recordDisabled()).toBe(false)
    await clock.advance(9000)
    expect(standing.recordDisabled()).toBe(false)
    await clock.advance(1000)
    expect(standing.recordDisabled()).toBe(true)
  }
})

test("a connection that cannot be used any more is stored as such", async () => {
  const { standingOf, invalidated } = setUp()
  await standingOf(connection).invalidated()
  expect(invalidated).toEqual(["r1"])
})
