import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test"
import { http, HttpResponse, type JsonBodyType } from "msw"
import { setupServer } from "msw/node"
import { AppError } from "../../src/errors.ts"
import { abortable } from "../../src/lib/time.ts"
import {
  createMailchimpClient,
  type MailchimpClientOptions,
  type MailchimpEvent,
} from "../../src/mailchimp/client.ts"
import { InvalidToken, type MailchimpError } from "../../src/mailchimp/errors.ts"
import type { Standing } from "../../src/mailchimp/standing.ts"
import { createLimiter } from "../../src/mailchimp/limiter/limiter.ts"
import { createCountedSignal } from "../support/counted-signal.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"

const accessToken = "0123456789abcdef0123456789abcdef"
const listsUrl = "https://us1.api.mailchimp.com/3.0/lists"
const movedUrl = "https://us2.api.mailchimp.com/3.0/lists"

const server = setupServer()
beforeAll(() => server.listen({ onUnhandledRequest: "error" }))
afterEach(() => server.resetHandlers())
afterAll(() => server.close())

const problem = (status: number, title: string, headers: Record<string, string> = {}) =>
  HttpResponse.json({ title, status, detail: "Because", instance: "i-1" }, { status, headers })

/** Gives each request the next response, the last one repeatedly, and records the requests. */
function respondWith(url: string, ...responses: (() => Response)[]) {
  const requests: Request[] = []
  server.use(
    http.get(url, ({ request }) => {
      requests.push(request)
      return responses[Math.min(requests.length, responses.length) - 1]?.()
    }),
  )
  return requests
}

const json =
  (body: JsonBodyType, headers: Record<string, string> = {}) =>
  () =>
    HttpResponse.json(body, { headers })

function setUp(options: Partial<MailchimpClientOptions> = {}) {
  const clock = createVirtualClock()
  const limiter = createLimiter({ clock })
  const flow = limiter.join()
  const events: MailchimpEvent[] = []
  const counted = createCountedSignal()
  const client = createMailchimpClient({
    accessToken,
    dc: "us1",
    apiUrl: "https://{dc}.api.mailchimp.com/3.0",
    flow,
    fetch: clock.watch((url, init) => fetch(url, init)),
    clock,
    random: () => 0.5,
    onEvent: (event) => events.push(event),
    ...options,
  })
  const send = (more: { deadlineMs?: number; listId?: string; resource?: string } = {}) =>
    clock.settle(
      client.request<unknown>({
        action: "read the lists",
        query: () => ({ count: 5, skipped: undefined }),
        parse: (body) => JSON.parse(new TextDecoder().decode(body)),
        signal: counted.signal,
        ...more,
      }),
    )
  const fail = async (more: Parameters<typeof send>[0] = {}) => {
    const error = await send(more).catch((error: unknown) => error)
    if (!(error instanceof AppError)) throw error
    return error
  }
  const leftovers = () => ({
    inUse: limiter.state().inUse,
    waiting: limiter.state().waiting,
    timers: clock.sleepers(),
    listeners: counted.listeners(),
  })
  return { client, clock, limiter, flow, events, send, fail, leftovers, ...counted }
}

/** A standing that never confirms a disabled user, and counts how often the metadata are read. */
function standingOf(locate: Standing["locate"]) {
  let reads = 0
  const standing: Standing = {
    locate: (signal) => {
      reads += 1
      return locate(signal)
    },
    recordDisabled: () => false,
    responded: () => {},
    invalidated: async () => {},
  }
  return { standing, reads: () => reads }
}

const nothing = { inUse: 0, waiting: 0, timers: 0, listeners: 0 }

describe("request()", () => {
  test("sends the token to the account's data center, and returns the parsed body", async () => {
    const { send, events, leftovers } = setUp()
    const [request] = [respondWith(listsUrl, json({ lists: [] }))]
    expect(await send()).toEqual({ lists: [] })
    expect(request[0]?.url).toBe(`${listsUrl}?count=5`)
    expect(request[0]?.headers.get("authorization")).toBe(`Bearer ${accessToken}`)
    expect(request[0]?.headers.get("accept")).toBe("application/json")
    expect(request[0]?.headers.get("accept-encoding")).toBe("gzip")
    expect(events).toMatchObject([{ type: "response", action: "read the lists", kind: undefined, bytes: 12 }])
    expect(leftovers()).toEqual(nothing)
  })

  test("reports how long a request waited for its turn, what for, and how far Mailchimp's clock is ahead", async () => {
    const { send, events, flow, clock, signal } = setUp()
    respondWith(listsUrl, json({}), json({}))
    await send()
    expect(events).toMatchObject([{ waitedMs: 0, waitedFor: undefined, clockAheadMs: undefined }])
    const permits = await Promise.all(Array.from({ length: 8 }, () => flow.acquire(signal)))
    for (const permit of permits) permit[Symbol.dispose]()
    await send()
    expect(events[1]).toMatchObject({ waitedMs: 100, waitedFor: "rate_limit" })
    expect(clock.sleepers()).toBe(0)
  })

  test("requests lists and their resources under another path of the same host", async () => {
    const { send } = setUp({ listsPath: "/api/3.0/lists/" })
    const requests = respondWith("https://us1.api.mailchimp.com/api/3.0/lists/a1b2/members", json({}))
    await send({ listId: "a1b2", resource: "members" })
    expect(requests).toHaveLength(1)
  })

  test.each(["", "..", "a/b", "a?b", "ann@example.com", "ä", "%2e%2e"])(
    "does not request a list with an invalid id: %j",
    async (listId) => {
      const { fail } = setUp()
      const error = await fail({ listId })
      expect(error.code).toBe("list_not_found")
      expect(error.detail).toBe("Cannot read the lists because Mailchimp knows no such list")
    },
  )

  test.each(["evil.com/", "us1.evil.com", "US1", "", "us"])(
    "never sends the token to a host built from %j",
    async (dc) => {
      const { fail, leftovers } = setUp({ dc })
      expect((await fail()).code).toBe("metadata_invalid")
      expect(leftovers()).toEqual(nothing)
    },
  )

  test("does not follow a redirect, which could send the token to another host", async () => {
    const { fail } = setUp()
    respondWith(listsUrl, () => HttpResponse.redirect("https://elsewhere.example/", 302))
    const error = await fail({ deadlineMs: 0 })
    expect(error).toMatchObject({ kind: "unusable_response", upstream: { status: 302 } })
  })

  test.each([
    ["a 500", () => problem(500, "Internal Server Error")],
    ["a 503", () => problem(503, "Service Unavailable")],
    ["a 504", () => problem(504, "Gateway Timeout")],
    ["a 429", () => problem(429, "Too Many Requests")],
    ["a 403 that is HTML", () => HttpResponse.html("<html>403</html>", { status: 403 })],
    ["a 502 that is HTML", () => HttpResponse.html("<html>502</html>", { status: 502 })],
    ["HTML with status 200", () => HttpResponse.html("<html>Maintenance</html>")],
    ["JSON that ends early", () => HttpResponse.text('{"lists":[')],
    ["an empty body", () => new HttpResponse(null, { status: 204 })],
    ["a connection that failed", () => HttpResponse.error()],
    ["a 401 from Mailchimp", () => problem(401, "API Key Invalid")],
    ["a 401 from a gateway", () => HttpResponse.json({ message: "Unauthorized" }, { status: 401 })],
    ["a 401 that is HTML", () => HttpResponse.html("<html>401</html>", { status: 401 })],
    ["a 401 without a body", () => new HttpResponse(null, { status: 401 })],
    ["a proxy that requires a password", () => problem(407, "Proxy Authentication Required")],
    ["a disabled user", () => problem(403, "User Disabled")],
    ["a wrong data center", () => problem(403, "Wrong Datacenter")],
  ])("retries after %s", async (_name, failure) => {
    const { send, leftovers, events } = setUp()
    const requests = respondWith(listsUrl, failure, failure, json({ total_items: 7 }))
    expect(await send()).toEqual({ total_items: 7 })
    expect(requests).toHaveLength(3)
    expect(events.map(({ type }) => type)).toEqual(["response", "retry", "response", "retry", "response"])
    expect({ ...leftovers() }).toEqual(nothing)
  })

  test("a body that parse refuses is a failure of Mailchimp's, whatever parse throws", async () => {
    const { client, clock, signal } = setUp()
    const requests = respondWith(listsUrl, json({}))
    const refusals = [new RangeError("not its rows"), new AppError("mailchimp_error", "Cannot read a page")]
    const parse = () => {
      const refusal = refusals[requests.length - 1]
      if (refusal !== undefined) throw refusal
      return "good"
    }
    expect(await clock.settle(client.request({ action: "x", query: () => ({}), parse, signal }))).toBe("good")
    expect(requests).toHaveLength(3)
  })

  test.each([
    ["a role without permission", () => problem(403, "Forbidden"), "forbidden"],
    ["a list that was deleted", () => problem(404, "Resource Not Found"), "not_found"],
    ["a bad request", () => problem(400, "Invalid Resource"), "rejected"],
  ] as const)("does not retry after %s", async (_name, failure, kind) => {
    const { fail, leftovers } = setUp()
    const requests = respondWith(`${listsUrl}/a1`, failure)
    expect(await fail({ listId: "a1" })).toMatchObject({ kind, upstream: { detail: "Because" } })
    expect(requests).toHaveLength(1)
    expect(leftovers()).toEqual(nothing)
  })

  test.each([5000, 90_000])("is retried for %d ms if the client is configured so", async (retryMs) => {
    const { fail, clock } = setUp({ retryMs })
    respondWith(listsUrl, () => problem(500, "Internal Server Error"))
    expect((await fail()).code).toBe("mailchimp_error")
    expect(clock.monotonicMs()).toBeLessThanOrEqual(retryMs)
    expect(clock.monotonicMs()).toBeGreaterThan(retryMs - 30_000 / 2)
  })

  test("requests can share a deadline, and the client's own is as configured", async () => {
    const { client, clock } = setUp({ retryMs: 5000 })
    const [own, given] = [client.deadline(undefined), client.deadline(30_000)]
    await clock.advance(2000)
    expect([own(), given()]).toEqual([3000, 28_000])
    await clock.advance(60_000)
    expect([own(), given()]).toEqual([0, 0])
  })

  test("rejects with Mailchimp's last error when the deadline leaves no time for a retry", async () => {
    const { fail, clock } = setUp()
    respondWith(listsUrl, () => problem(500, "Internal Server Error"))
    const error = await fail({ deadlineMs: 30_000 })
    expect(error).toMatchObject({ code: "mailchimp_error", upstream: { status: 500 } })
    expect(clock.monotonicMs()).toBeLessThanOrEqual(30_000)
  })

  test("no error, event or cause contains the token", async () => {
    const { fail, events } = setUp()
    for (const response of [() => problem(500, accessToken), () => HttpResponse.error()]) {
      respondWith(listsUrl, response)
      const error = await fail({ deadlineMs: 0 })
      expect(Bun.inspect([error, error.cause, events])).not.toContain(accessToken)
    }
  })

  test("a request is aborted and retried when the lease of its slot is lost", async () => {
    const joined = createLimiter().join()
    const lost = new AbortController()
    let attempts = 0
    const { send, leftovers, clock } = setUp({
      flow: {
        ...joined,
        acquire: async (signal) => ({
          ...(await joined.acquire(signal)),
          ...(attempts === 0 && { lost: lost.signal }),
        }),
      },
      fetch: (_, init) => {
        attempts += 1
        if (attempts > 1) return Promise.resolve(HttpResponse.json({ lists: [] }))
        queueMicrotask(() => lost.abort(new Error("lost")))
        return new Promise((_, reject) => {
          init?.signal?.addEventListener("abort", () => reject(new Error("aborted")))
        })
      },
    })
    expect(await send()).toEqual({ lists: [] })
    expect(attempts).toBe(2)
    // Long before the attempt would have timed out.
    expect(clock.monotonicMs()).toBeLessThan(10_000)
    expect(leftovers()).toEqual(nothing)
  })

  test("throttling halves the permits and pauses all flows that share them", async () => {
    const states: unknown[] = []
    const onEvent = ({ type }: MailchimpEvent) => {
      if (type === "retry") states.push({ ...limiter.state(), spare: other.spare() })
    }
    const { send, limiter, clock } = setUp({ onEvent })
    const other = limiter.join()
    respondWith(listsUrl, () => problem(429, "Too Many Requests", { "retry-after": "20" }), json({}))
    await send()
    expect(states).toMatchObject([{ permits: 5, pausedMs: 20_000, spare: 0 }])
    expect(clock.monotonicMs()).toBe(20_000)
  })

  test("all flows wait as long as Retry-After says, even if the throttled request gives up", async () => {
    const { fail, limiter } = setUp()
    respondWith(listsUrl, () => problem(429, "Too Many Requests", { "retry-after": "40" }))
    expect(await fail({ deadlineMs: 30_000 })).toMatchObject({ code: "mailchimp_throttled", retryAfterS: 40 })
    expect(limiter.state().pausedMs).toBe(40_000)
  })

  test("a request during a pause that exceeds its deadline fails at once, with a Retry-After", async () => {
    const { fail, flow, clock } = setUp()
    flow.pause(90_000)
    expect(await fail({ deadlineMs: 30_000 })).toMatchObject({ code: "mailchimp_throttled", retryAfterS: 90 })
    expect(clock.monotonicMs()).toBe(0)
  })

  test.each([
    ["a 401 that names the data center", () => problem(401, "API Key Invalid")],
    ["a 403 Wrong Datacenter", () => problem(403, "Wrong Datacenter")],
  ])("continues at once in another data center if the account has moved: %s", async (_name, refusal) => {
    const { standing, reads } = standingOf(async () => "us2")
    const { clock, send } = setUp({ standing })
    const old = respondWith(listsUrl, refusal)
    const now = respondWith(movedUrl, json({ moved: true }))
    expect(await send()).toEqual({ moved: true })
    expect(await send()).toEqual({ moved: true })
    expect([reads(), old.length, now.length, clock.monotonicMs()]).toEqual([1, 1, 2, 0])
  })

  test("a 401 is final if the metadata endpoint says that the token is invalid, and Mailchimp's texts are passed on", async () => {
    const { standing } = standingOf(() => Promise.reject(new InvalidToken("metadata_invalid", "Cannot")))
    const { fail, leftovers } = setUp({ standing })
    const requests = respondWith(listsUrl, () => problem(401, "API Key Invalid"))
    expect(await fail()).toMatchObject({
      kind: "token_revoked",
      code: "connection_invalidated",
      upstream: { status: 401, title: "API Key Invalid", detail: "Because" },
    })
    expect(requests).toHaveLength(1)
    expect(leftovers()).toEqual(nothing)
  })

  test.each([
    ["with a good token", async () => "us1"],
    ["with metadata that cannot be read", () => Promise.reject(new AppError("metadata_invalid", "Cannot"))],
  ])("a persistent 401 is a fault in the end, %s", async (_name, locate) => {
    const { standing, reads } = standingOf(locate)
    const { fail, clock, events } = setUp({ standing })
    const requests = respondWith(listsUrl, () => problem(401, "API Key Invalid"))
    expect(await fail({ deadlineMs: 30_000 })).toMatchObject({
      kind: "unauthorized",
      code: "mailchimp_error",
      status: 502,
      retryable: true,
      upstream: { status: 401, title: "API Key Invalid", detail: "Because" },
    })
    // Each pause is half of its maximum: 250 ms, 500 ms, and so on.
    expect(requests).toHaveLength(7)
    expect(reads()).toBe(7)
    expect(clock.monotonicMs()).toBeLessThanOrEqual(30_000)
    expect(events.filter(({ type }) => type === "retry")).toHaveLength(6)
  })

  test("data centers that refer to each other are followed once per attempt, until the deadline", async () => {
    let at = "us1"
    const { standing, reads } = standingOf(async () => (at = at === "us1" ? "us2" : "us1"))
    const { fail } = setUp({ standing })
    const there = respondWith(listsUrl, () => problem(401, "API Key Invalid"))
    const here = respondWith(movedUrl, () => problem(403, "Wrong Datacenter"))
    expect(await fail({ deadlineMs: 30_000 })).toMatchObject({ code: "mailchimp_error", retryable: true })
    expect([reads(), there.length + here.length]).toEqual([7, 14])
  })

  test("User Disabled is a fault until enough responses confirm it, and then final", async () => {
    let said = 0
    const { standing } = standingOf(async () => "us1")
    const { fail, clock } = setUp({ standing: { ...standing, recordDisabled: () => (said += 1) === 3 } })
    const requests = respondWith(listsUrl, () => problem(403, "User Disabled"))
    expect(await fail({ deadlineMs: 30_000 })).toMatchObject({
      kind: "account_disabled",
      code: "connection_invalidated",
      upstream: { status: 403, title: "User Disabled" },
    })
    expect([requests.length, clock.monotonicMs()]).toEqual([3, 10_100])
  })

  test("a good response is reported to the standing, as evidence against a disabled user", async () => {
    let responded = 0
    const { standing } = standingOf(async () => "us1")
    const { send } = setUp({ standing: { ...standing, responded: () => void (responded += 1) } })
    respondWith(listsUrl, () => problem(403, "User Disabled"), json({}))
    await send()
    expect(responded).toBe(1)
  })

  test("an abort while the metadata are read takes effect at once, and leaves nothing behind", async () => {
    const { promise: reading, resolve: read } = Promise.withResolvers<void>()
    const { standing } = standingOf((signal) => {
      read()
      return abortable(new Promise(() => {}), signal)
    })
    const { client, controller, leftovers } = setUp({ standing })
    respondWith(listsUrl, () => problem(401, "API Key Invalid"))
    const request = { action: "x", query: () => ({}), parse: () => 1, signal: controller.signal }
    const requested = client.request(request).catch((error: unknown) => error)
    await reading
    // Permits are for requests to the API: other flows may use this one meanwhile.
    expect(leftovers()).toMatchObject({ inUse: 0, timers: 0 })
    controller.abort("left")
    expect(await requested).toBe("left")
    expect(leftovers()).toMatchObject({ inUse: 0, waiting: 0, timers: 0 })
  })

  test("a signal that has already aborted sends no request", async () => {
    const { client, controller, leftovers } = setUp()
    controller.abort("left")
    const request = { action: "x", query: () => ({}), parse: () => 1, signal: controller.signal }
    expect(await client.request(request).catch((error: unknown) => error)).toBe("left")
    expect(leftovers()).toEqual(nothing)
  })

  test("an abort by the caller is no failure of Mailchimp's, and leaves nothing behind", async () => {
    const { client, controller, events, leftovers } = setUp({ fetch: () => new Promise(() => {}) })
    const failures: MailchimpError[] = []
    const onFailure = (error: MailchimpError) => failures.push(error)
    const request = { action: "x", query: () => ({}), parse: () => 1, signal: controller.signal, onFailure }
    const requested = client.request(request).catch((error: unknown) => error)
    await Bun.sleep(0)
    expect(leftovers()).toMatchObject({ inUse: 1, timers: 1 })
    controller.abort("left")
    expect(await requested).toBe("left")
    expect([leftovers(), events, failures]).toEqual([nothing, [], []])
  })

  test("hundreds of requests on one signal leave no listener on it", async () => {
    const { send, leftovers } = setUp()
    respondWith(listsUrl, () => problem(500, "Internal Server Error"), json({}))
    for (let made = 0; made < 200; made += 1) await send()
    expect(leftovers()).toEqual(nothing)
  })

  test("reports each failed attempt to onFailure", async () => {
    const { client, clock, signal } = setUp()
    respondWith(listsUrl, () => problem(504, "Gateway Timeout"), json({}))
    const failures: MailchimpError[] = []
    let attempts = 0
    const query = () => ({ attempt: (attempts += 1) })
    const onFailure = (error: MailchimpError) => failures.push(error)
    await clock.settle(client.request({ action: "x", query, parse: () => 1, signal, onFailure }))
    expect(failures.map(({ kind }) => kind)).toEqual(["timed_out"])
    expect(attempts).toBe(2)
  })
})

describe("now()", () => {
  const date = "Wed, 01 May 2024 11:59:00 GMT"
  const second = Date.parse(date) / 1000
  const { signal } = new AbortController()

  test("is the earlier of our own clock and Mailchimp's, by the latest good response", async () => {
    const { client, clock, send } = setUp()
    respondWith(listsUrl, json({}, { date }))
    expect(client.now().earliest).toBe(clock.now() / 1000 - 10)
    await send()
    expect(client.now()).toMatchObject({ earliest: second, latest: second + 60 })
    await clock.advance(2500)
    expect(client.now().earliest).toBe(second + 2)
    await clock.settle(client.waitUntil(second + 10, 60, signal))
    expect(client.now().earliest).toBe(second + 10)
  })

  test("ignores the Date of a response that is not Mailchimp's own", async () => {
    const { client, send } = setUp()
    const past = "Wed, 01 May 2014 10:00:00 GMT"
    const page = () => HttpResponse.html("<html>Maintenance</html>", { headers: { date: past } })
    const failed = () => problem(502, "Bad Gateway", { date: past })
    respondWith(listsUrl, page, failed, json({}, { date }))
    await send()
    expect(client.now().earliest).toBe(second)
  })

  test("a response has the time at which its own attempt was sent", async () => {
    const { client, clock, send, signal } = setUp()
    respondWith(listsUrl, json({}, { date }))
    await send()
    await clock.advance(5000)
    respondWith(
      listsUrl,
      () => problem(429, "Too Many Requests", { "retry-after": "60" }),
      json({}, { date }),
    )
    const requested = client.request({
      action: "x",
      query: () => ({}),
      parse: (_body, sentAt) => sentAt.earliest,
      signal,
    })
    expect(await clock.settle(requested)).toBe(second + 65)
  })

  test("reports once that clocks differ by more than the margin", async () => {
    const { send, events } = setUp()
    respondWith(listsUrl, json({}, { date }))
    await send()
    await send()
    expect(events.filter(({ type }) => type === "clocks_differ")).toEqual([
      { type: "clocks_differ", aheadS: -60 },
    ])
  })
})
