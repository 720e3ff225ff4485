import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test"
import { http, HttpResponse, type JsonBodyType } from "msw"
import { setupServer } from "msw/node"
import { AppError } from "../../src/errors.ts"
import {
  createMailchimpClient,
  type MailchimpClientOptions,
  type MailchimpEvent,
} from "../../src/mailchimp/client.ts"
import type { MailchimpError } from "../../src/mailchimp/errors.ts"
import { createLimiter } from "../../src/mailchimp/limiter.ts"
import { createCountedSignal } from "../support/counted-signal.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"

const accessToken = "0123456789abcdef0123456789abcdef"
const listsUrl = "https://us1.api.mailchimp.com/3.0/lists"

const server = setupServer()
beforeAll(() => server.listen({ onUnhandledRequest: "error" }))
afterEach(() => server.resetHandlers())
afterAll(() => server.close())

const problem = (status: number, title: string, headers: Record<string, string> = {}) =>
  HttpResponse.json({ title, status, detail: "Because", instance: "i-1" }, { status, headers })

/** Answers each request in turn, and notes the requests. The last answer is given again and again. */
function answerWith(url: string, ...answers: (() => Response)[]) {
  const requests: Request[] = []
  server.use(
    http.get(url, ({ request }) => {
      requests.push(request)
      return answers[Math.min(requests.length, answers.length) - 1]?.()
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
  const party = limiter.join()
  const events: MailchimpEvent[] = []
  const counted = createCountedSignal()
  const client = createMailchimpClient({
    accessToken,
    dc: "us1",
    apiUrl: "https://{dc}.api.mailchimp.com/3.0",
    party,
    fetch: clock.watch((url, init) => fetch(url, init)),
    clock,
    random: () => 0.5,
    onEvent: (event) => events.push(event),
    ...options,
  })
  const ask = (more: { deadlineMs?: number; listId?: string; resource?: string } = {}) =>
    clock.settle(
      client.request<unknown>({
        action: "read the lists",
        query: () => ({ count: 5, skipped: undefined }),
        parse: (body) => JSON.parse(new TextDecoder().decode(body)),
        signal: counted.signal,
        ...more,
      }),
    )
  const fail = async (more: Parameters<typeof ask>[0] = {}) => {
    const error = await ask(more).catch((error: unknown) => error)
    if (!(error instanceof AppError)) throw error
    return error
  }
  const leftovers = () => ({
    inUse: limiter.state().inUse,
    waiting: limiter.state().waiting,
    timers: clock.sleepers(),
    listeners: counted.listeners(),
  })
  return { client, clock, limiter, party, events, ask, fail, leftovers, ...counted }
}

const nothing = { inUse: 0, waiting: 0, timers: 0, listeners: 0 }

describe("request()", () => {
  test("asks the account's data center with its token, and gives what parse makes of the body", async () => {
    const { ask, events, leftovers } = setUp()
    const [request] = [answerWith(listsUrl, json({ lists: [] }))]
    expect(await ask()).toEqual({ lists: [] })
    expect(request[0]?.url).toBe(`${listsUrl}?count=5`)
    expect(request[0]?.headers.get("authorization")).toBe(`Bearer ${accessToken}`)
    expect(request[0]?.headers.get("accept")).toBe("application/json")
    expect(request[0]?.headers.get("accept-encoding")).toBe("gzip")
    expect(events).toMatchObject([{ type: "answer", action: "read the lists", kind: undefined, bytes: 12 }])
    expect(leftovers()).toEqual(nothing)
  })

  test("finds lists and what is below them under another path of the same host", async () => {
    const { ask } = setUp({ listsPath: "/api/3.0/lists/" })
    const requests = answerWith("https://us1.api.mailchimp.com/api/3.0/lists/a1b2/members", json({}))
    await ask({ listId: "a1b2", resource: "members" })
    expect(requests).toHaveLength(1)
  })

  test.each(["", "..", "a/b", "a?b", "ann@example.com", "ä", "%2e%2e"])(
    "does not ask for a list whose id cannot be one: %j",
    async (listId) => {
      const { fail } = setUp()
      const error = await fail({ listId })
      expect(error.code).toBe("list_not_found")
      expect(error.detail).toBe("Cannot read the lists as Mailchimp knows no such list")
    },
  )

  test.each(["evil.com/", "us1.evil.com", "US1", "", "us"])(
    "never sends the token to a host made of %j",
    async (dc) => {
      const { fail, leftovers } = setUp({ dc })
      expect((await fail()).code).toBe("metadata_invalid")
      expect(leftovers()).toEqual(nothing)
    },
  )

  test("does not follow a redirect, which could take the token elsewhere", async () => {
    const { fail } = setUp()
    answerWith(listsUrl, () => HttpResponse.redirect("https://elsewhere.example/", 302))
    const error = await fail({ deadlineMs: 0 })
    expect(error).toMatchObject({ kind: "unusable_answer", upstream: { status: 302 } })
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
  ])("asks again after %s", async (_name, failure) => {
    const { ask, leftovers, events } = setUp()
    const requests = answerWith(listsUrl, failure, failure, json({ total_items: 7 }))
    expect(await ask()).toEqual({ total_items: 7 })
    expect(requests).toHaveLength(3)
    expect(events.map(({ type }) => type)).toEqual(["answer", "retry", "answer", "retry", "answer"])
    expect({ ...leftovers() }).toEqual(nothing)
  })

  test("a value that parse refuses is Mailchimp's failure, whatever parse throws", async () => {
    const { client, clock, signal } = setUp()
    const requests = answerWith(listsUrl, json({}))
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
    ["a revoked token", () => problem(401, "API Key Invalid"), "token_revoked"],
    ["a disabled user", () => problem(403, "User Disabled"), "user_disabled"],
    ["a role that may not", () => problem(403, "Forbidden"), "forbidden"],
    ["a list that is gone", () => problem(404, "Resource Not Found"), "not_found"],
    ["a bad request", () => problem(400, "Invalid Resource"), "rejected"],
  ] as const)("asks once after %s", async (_name, failure, kind) => {
    const { fail, leftovers } = setUp()
    const requests = answerWith(`${listsUrl}/a1`, failure)
    expect(await fail({ listId: "a1" })).toMatchObject({ kind, upstream: { detail: "Because" } })
    expect(requests).toHaveLength(1)
    expect(leftovers()).toEqual(nothing)
  })

  test.each([5000, 90_000])("is made again for %d ms where the client was told so", async (retryMs) => {
    const { fail, clock } = setUp({ retryMs })
    answerWith(listsUrl, () => problem(500, "Internal Server Error"))
    expect((await fail()).code).toBe("mailchimp_error")
    expect(clock.monotonicMs()).toBeLessThanOrEqual(retryMs)
    expect(clock.monotonicMs()).toBeGreaterThan(retryMs - 30_000 / 2)
  })

  test("a deadline is shared by all who have it, and the client's own is what it was told", async () => {
    const { client, clock } = setUp({ retryMs: 5000 })
    const [own, given] = [client.deadline(undefined), client.deadline(30_000)]
    await clock.advance(2000)
    expect([own(), given()]).toEqual([3000, 28_000])
    await clock.advance(60_000)
    expect([own(), given()]).toEqual([0, 0])
  })

  test("ends with Mailchimp's last error once the deadline leaves no time", async () => {
    const { fail, clock } = setUp()
    answerWith(listsUrl, () => problem(500, "Internal Server Error"))
    const error = await fail({ deadlineMs: 30_000 })
    expect(error).toMatchObject({ code: "mailchimp_error", upstream: { status: 500 } })
    expect(clock.monotonicMs()).toBeLessThanOrEqual(30_000)
  })

  test("no error, event or cause holds the token", async () => {
    const { fail, events } = setUp()
    for (const answer of [() => problem(500, accessToken), () => HttpResponse.error()]) {
      answerWith(listsUrl, answer)
      const error = await fail({ deadlineMs: 0 })
      expect(Bun.inspect([error, error.cause, events])).not.toContain(accessToken)
    }
  })

  test("throttling takes half of the permits and pauses everyone who shares them", async () => {
    const states: unknown[] = []
    const onEvent = ({ type }: MailchimpEvent) => {
      if (type === "retry") states.push({ ...limiter.state(), spare: other.spare() })
    }
    const { ask, limiter, clock } = setUp({ onEvent })
    const other = limiter.join()
    answerWith(listsUrl, () => problem(429, "Too Many Requests", { "retry-after": "20" }), json({}))
    await ask()
    expect(states).toMatchObject([{ permits: 5, pausedMs: 20_000, spare: 0 }])
    expect(clock.monotonicMs()).toBe(20_000)
  })

  test("everyone waits as long as Mailchimp asks, also when the one who was told does not", async () => {
    const { fail, limiter } = setUp()
    answerWith(listsUrl, () => problem(429, "Too Many Requests", { "retry-after": "40" }))
    expect(await fail({ deadlineMs: 30_000 })).toMatchObject({ code: "mailchimp_throttled", retryAfterS: 40 })
    expect(limiter.state().pausedMs).toBe(40_000)
  })

  test("during a pause longer than the deadline it ends at once, and says when to come back", async () => {
    const { fail, party, clock } = setUp()
    party.pause(90_000)
    expect(await fail({ deadlineMs: 30_000 })).toMatchObject({ code: "mailchimp_throttled", retryAfterS: 90 })
    expect(clock.monotonicMs()).toBe(0)
  })

  test("goes on in another data center when the account has moved, and looks that up once", async () => {
    let looks = 0
    const { client, clock, ask } = setUp({
      onWrongDataCenter: async () => {
        looks += 1
        return "us2"
      },
    })
    const old = answerWith(listsUrl, () => problem(403, "Wrong Datacenter"))
    const now = answerWith("https://us2.api.mailchimp.com/3.0/lists", json({ moved: true }))
    const { signal } = new AbortController()
    const request = { action: "x", query: () => ({}), parse: () => "value", signal }
    const both = Promise.all([client.request(request), client.request(request)])
    expect(await clock.settle(both)).toEqual(["value", "value"])
    expect(await ask()).toEqual({ moved: true })
    expect([looks, old.length, now.length]).toEqual([1, 2, 3])
  })

  test("a wrong data center is an error when nobody knows a better one", async () => {
    const same = { onWrongDataCenter: async () => "us1" }
    for (const options of [{}, same]) {
      const { fail } = setUp(options)
      answerWith(listsUrl, () => problem(403, "Wrong Datacenter"))
      expect(await fail()).toMatchObject({
        kind: "wrong_datacenter",
        code: "mailchimp_error",
        retryable: false,
      })
    }
  })

  test("a failed look for the data center is the error", async () => {
    const failure = new AppError("metadata_invalid", "Cannot read")
    const { fail } = setUp({ onWrongDataCenter: () => Promise.reject(failure) })
    answerWith(listsUrl, () => problem(403, "Wrong Datacenter"))
    expect(await fail()).toBe(failure)
  })

  test("a signal that has aborted already asks nothing", async () => {
    const { client, controller, leftovers } = setUp()
    controller.abort("left")
    const request = { action: "x", query: () => ({}), parse: () => 1, signal: controller.signal }
    expect(await client.request(request).catch((error: unknown) => error)).toBe("left")
    expect(leftovers()).toEqual(nothing)
  })

  test("a caller who leaves meanwhile is no failure of Mailchimp's, and nothing of his is left", async () => {
    const { client, controller, events, leftovers } = setUp({ fetch: () => new Promise(() => {}) })
    const failures: MailchimpError[] = []
    const onFailure = (error: MailchimpError) => failures.push(error)
    const request = { action: "x", query: () => ({}), parse: () => 1, signal: controller.signal, onFailure }
    const asked = client.request(request).catch((error: unknown) => error)
    await Bun.sleep(0)
    expect(leftovers()).toMatchObject({ inUse: 1, timers: 1 })
    controller.abort("left")
    expect(await asked).toBe("left")
    expect([leftovers(), events, failures]).toEqual([nothing, [], []])
  })

  test("hundreds of requests on one signal leave no listener on it", async () => {
    const { ask, leftovers } = setUp()
    answerWith(listsUrl, () => problem(500, "Internal Server Error"), json({}))
    for (let made = 0; made < 200; made += 1) await ask()
    expect(leftovers()).toEqual(nothing)
  })

  test("tells each failed attempt to whoever asked", async () => {
    const { client, clock, signal } = setUp()
    answerWith(listsUrl, () => problem(504, "Gateway Timeout"), json({}))
    const failures: MailchimpError[] = []
    let attempts = 0
    const query = () => ({ attempt: (attempts += 1) })
    const onFailure = (error: MailchimpError) => failures.push(error)
    await clock.settle(client.request({ action: "x", query, parse: () => 1, signal, onFailure }))
    expect(failures.map(({ kind }) => kind)).toEqual(["timed_out"])
    expect(attempts).toBe(2)
  })
})

describe("clock()", () => {
  const date = "Wed, 01 May 2024 10:00:00 GMT"
  const second = Date.parse(date) / 1000

  test("is Mailchimp's, as of the newest good answer, and goes on", async () => {
    const { client, clock, ask } = setUp()
    answerWith(listsUrl, json({}, { date }))
    expect(client.clock()).toBe(-Infinity)
    await ask()
    expect(client.clock()).toBe(second)
    await clock.advance(2500)
    expect(client.clock()).toBe(second + 2)
    await clock.settle(client.waitUntil(second + 10, new AbortController().signal))
    expect(client.clock()).toBe(second + 10)
  })

  test("does not learn from an answer that is not Mailchimp's own", async () => {
    const { client, ask } = setUp()
    const future = "Wed, 01 May 2034 10:00:00 GMT"
    const page = () => HttpResponse.html("<html>Maintenance</html>", { headers: { date: future } })
    const failed = () => problem(502, "Bad Gateway", { date: future })
    answerWith(listsUrl, page, failed, json({}, { date }))
    await ask()
    expect(client.clock()).toBeLessThan(second + 100)
  })

  test("an answer carries the clock of when its own attempt was sent", async () => {
    const { client, clock, ask, signal } = setUp()
    answerWith(listsUrl, json({}, { date }))
    await ask()
    await clock.advance(5000)
    answerWith(listsUrl, () => problem(429, "Too Many Requests", { "retry-after": "60" }), json({}, { date }))
    const asked = client.request({
      action: "x",
      query: () => ({}),
      parse: (_body, { askedAt }) => askedAt,
      signal,
    })
    expect(await clock.settle(asked)).toBe(second + 65)
  })
})
