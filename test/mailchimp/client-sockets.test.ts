import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { createMailchimpClient, type MailchimpClientOptions } from "../../src/mailchimp/client.ts"
import { createLimiter } from "../../src/mailchimp/limiter/limiter.ts"
import { createLimiters } from "../../src/mailchimp/limiter/limiters.ts"
import type { FaultAction } from "../../src/sandbox/faults/fault-action.ts"
import { type RunningSandbox, startSandbox } from "../../src/sandbox/serve.ts"
import { createCountedSignal } from "../support/counted-signal.ts"
import { startRefusingProxy } from "../support/refusing-proxy.ts"
import { until } from "../support/until.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"

const accessToken = "0123456789abcdef0123456789abcdef"
const listId = "a1b2c3d4e5"
const account = {
  userId: 1,
  dc: "us1",
  tokens: [accessToken],
  lists: [{ name: "News", id: listId, count: 1000 }],
}

let running: RunningSandbox
beforeEach(() => {
  running = startSandbox({ accounts: [account] })
})
afterEach(() => running.stop())

function setUp(options: Partial<MailchimpClientOptions> = {}) {
  const clock = createVirtualClock()
  const limiter = createLimiter({ clock })
  const counted = createCountedSignal()
  const client = createMailchimpClient({
    accessToken,
    dc: "us1",
    apiUrl: `${running.url}/{dc}/3.0`,
    flow: limiter.join(),
    clock,
    random: () => 0,
    ...options,
  })
  const send = () =>
    client.request({
      action: "read the members",
      listId,
      resource: "members",
      query: () => ({ count: 1000 }),
      parse: (body) => {
        const page = JSON.parse(new TextDecoder().decode(body))
        return page.members.length === page.total_items ? "whole" : "truncated"
      },
      signal: counted.signal,
    })
  const leftovers = () => ({
    inUse: limiter.state().inUse,
    kept: limiter.state().kept,
    timers: clock.sleepers(),
    listeners: counted.listeners(),
  })
  return { clock, limiter, client, send, leftovers, ...counted }
}

const nothing = { inUse: 0, kept: 0, timers: 0, listeners: 0 }

const log = () => running.sandbox.traffic.log

describe("request(), over sockets", () => {
  const broken: [string, FaultAction][] = [
    ["a truncated body", { kind: "cut", keep: 0.5 }],
    ["a body that is truncated at its very end", { kind: "cut", keep: 0.9999 }],
    ["a connection that is reset", { kind: "reset" }],
    ["JSON that ends early", { kind: "bad_json", keep: 0.5 }],
    ["HTML with status 200", { kind: "html", status: 200 }],
    ["HTML with status 502", { kind: "html", status: 502 }],
    ["an internal server error", { kind: "problem", problem: "internal_server_error" }],
  ]
  for (const gzip of [true, false]) {
    test.each(broken)(`retries after %s, gzip ${gzip}`, async (_name, action) => {
      running.sandbox.settings.gzip = gzip
      const { send, leftovers, clock } = setUp()
      const fault = running.sandbox.faults.add({ action, times: 2 })
      // The jitter is zero here, so a pause ends as soon as time moves.
      const requested = send()
      let result: string | undefined
      while (result === undefined) result = (await Promise.race([requested, clock.advance(1)])) ?? undefined
      expect(result).toBe("whole")
      expect(fault.played).toBe(2)
      expect(leftovers()).toEqual(nothing)
    })
  }

  test.each([
    ["https", "407 Proxy Authentication Required", 407],
    ["https", "403 Forbidden", 403],
    ["http", "407 Proxy Authentication Required", 407],
  ])("names the proxy that refuses a request: by %s, %s", async (scheme, refusal, status) => {
    await using proxy = await startRefusingProxy(refusal)
    const { send, leftovers } = setUp({
      apiUrl: `${scheme}://{dc}.api.mailchimp.com/3.0`,
      retryMs: 0,
      random: () => 0.5,
      fetch: (url, init) => fetch(url, { ...init, proxy: proxy.url }),
    })
    await expect(send()).rejects.toMatchObject({
      code: "mailchimp_error",
      kind: "proxy_refused",
      retryable: true,
      upstream: { status },
      detail: expect.stringContaining("check HTTPS_PROXY"),
    })
    expect(leftovers()).toEqual(nothing)
  })

  test("reads the whole of a slow body", async () => {
    running.sandbox.faults.add({ action: { kind: "slow", chunks: 20, everyMs: 2 } })
    const { send, leftovers } = setUp()
    expect(await send()).toBe("whole")
    expect(leftovers()).toEqual(nothing)
  })

  const endless: [string, FaultAction][] = [
    ["before a response", { kind: "hang" }],
    ["in the middle of a body", { kind: "slow", chunks: 10_000, everyMs: 5 }],
  ]
  test.each(endless)(
    "times out %s, closes the connection, and retries after a second",
    async (_name, action) => {
      running.sandbox.faults.add({ action })
      const { send, clock, leftovers, limiter } = setUp({ timeoutMs: 60_000 })
      const requested = send()
      await until("the arrival of the request", () => log().length === 1)
      await clock.advance(59_999)
      expect(log()[0]?.abortedAt).toBeUndefined()
      await clock.advance(1)
      await until("the abort of the request", () => log()[0]?.abortedAt !== undefined)
      // Mailchimp may still be working on the request: the permit is kept until Mailchimp's own time-out.
      expect(limiter.state()).toMatchObject({ inUse: 0, kept: 1 })
      expect(log()).toHaveLength(1)
      await clock.advance(1000)
      expect(await requested).toBe("whole")
      await clock.advance(60_000)
      expect(leftovers()).toEqual(nothing)
    },
  )

  test("an abort by the caller ends the request at once, without a retry, and leaves nothing behind", async () => {
    const seenMs: number[] = []
    for (let round = 0; round < 50; round += 1) {
      for (const [, action] of endless) {
        running.sandbox.traffic.reset()
        running.sandbox.faults.add({ action })
        const { send, controller, leftovers } = setUp()
        const requested = send().catch((error: unknown) => error)
        // The status is recorded when the headers are sent; the body takes another fifty seconds.
        await until(
          "the arrival of the request",
          () => log().length === 1 && (action.kind === "hang" || log()[0]?.status === 200),
        )
        await Bun.sleep(6)
        const leftMs = performance.now()
        controller.abort("left")
        expect(await requested).toBe("left")
        expect(leftovers()).toEqual(nothing)
        await until("the abort of the request", () => log()[0]?.abortedAt !== undefined)
        seenMs.push(performance.now() - leftMs)
        expect(log()).toHaveLength(1)
      }
    }
    seenMs.sort((a, b) => a - b)
    // The median, because a busy machine delays some. The rest of a body would take fifty seconds.
    expect(seenMs).toHaveLength(100)
    expect(seenMs[50]).toBeLessThan(100)
    await until("the end of every request", () => running.sandbox.traffic.connections(1).now === 0)
  })

  test("retries after one 401, one User Disabled, and one gateway's 401", async () => {
    const { send, clock, leftovers } = setUp()
    const refusals: FaultAction[] = [
      { kind: "problem", problem: "api_key_invalid" },
      { kind: "problem", problem: "user_disabled" },
      { kind: "json", status: 401, body: { message: "Unauthorized" } },
      { kind: "html", status: 401 },
    ]
    for (const action of refusals) {
      running.sandbox.faults.add({ action })
      const requested = send()
      await until("the pause before a retry", () => clock.sleepers() > 0 && leftovers().inUse === 0)
      await clock.advance(5050)
      expect(await requested).toBe("whole")
    }
    expect(leftovers()).toEqual(nothing)
  })

  test("nothing listens on the port: the connection failed", async () => {
    const { client, signal } = setUp({ random: () => 0.5 })
    await running.stop()
    const request = { action: "read the lists", query: () => ({}), parse: () => 1, signal, deadlineMs: 0 }
    const error = await client.request(request).catch((error: unknown) => error)
    expect(error).toMatchObject({ kind: "connection_failed", code: "mailchimp_error" })
  })
})

/** By how many requests the worst span of time exceeds 10 + 10 t. */
function worstExcess(timesMs: readonly number[]) {
  const excesses = timesMs.flatMap((fromMs, from) =>
    timesMs.slice(from).map((toMs, more) => more + 1 - (10 + (toMs - fromMs) / 100)),
  )
  return Math.max(...excesses)
}

test("two exports of one account and one of another: each account has its own ten requests a second, in fair shares", async () => {
  await running.stop()
  const otherList = "b1b2c3d4e5"
  const other = {
    userId: 2,
    dc: "us1",
    tokens: ["b".repeat(32)],
    lists: [{ name: "B", id: otherList, count: 10 }],
  }
  const arrivedMs = new Map<string | undefined, number[]>()
  running = startSandbox({
    accounts: [account, other],
    latencyMs: 40,
    onRequest: ({ listId }) => arrivedMs.set(listId, [...(arrivedMs.get(listId) ?? []), performance.now()]),
  })
  const limiters = createLimiters()
  const startedMs = new Map<string, number[]>([listId, otherList].map((id) => [id, []]))
  const runExport = async (accessToken: string, listId: string, userId: string) => {
    const client = createMailchimpClient({
      accessToken,
      dc: "us1",
      apiUrl: `${running.url}/3.0`,
      flow: limiters.join({ dc: "us1", userId }),
      fetch: (url, init) => {
        startedMs.get(listId)?.push(performance.now())
        return fetch(url, init)
      },
    })
    const { signal } = new AbortController()
    const request = {
      action: "x",
      listId,
      resource: "members",
      query: () => ({ count: 1 }),
      parse: () => 1,
      signal,
    }
    await Promise.all(Array.from({ length: 15 }, () => client.request(request)))
    return performance.now()
  }
  const [firstMs, secondMs, thirdMs] = await Promise.all([
    runExport(accessToken, listId, "1"),
    runExport(accessToken, listId, "1"),
    runExport("b".repeat(32), otherList, "2"),
  ])

  for (const [userId, id] of [listId, otherList].entries()) {
    expect(running.sandbox.traffic.connections(userId + 1).peak).toBeLessThanOrEqual(10)
    expect(worstExcess(startedMs.get(id) ?? [])).toBeLessThanOrEqual(0)
  }
  expect(running.sandbox.traffic.total).toBe(45)
  expect(log().filter(({ status }) => status !== 200)).toHaveLength(0)
  // The first two share a bucket, so they end together. The third has its own, and is not slowed down.
  expect(thirdMs).toBeLessThan(Math.min(firstMs, secondMs))
  const worst = Math.max(...[...arrivedMs.values()].map(worstExcess))
  process.stdout.write(
    `as they arrived, the worst span was ${(-worst).toFixed(2)} requests under 10 + 10 t\n`,
  )
})
