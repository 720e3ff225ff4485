import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { createMailchimpClient, type MailchimpClientOptions } from "../../src/mailchimp/client.ts"
import { MailchimpError } from "../../src/mailchimp/errors.ts"
import { createLimiter } from "../../src/mailchimp/limiter.ts"
import { createMailchimpOAuth } from "../../src/mailchimp/oauth.ts"
import type { FaultAction } from "../../src/sandbox/faults.ts"
import { type RunningSandbox, startSandbox } from "../../src/sandbox/serve.ts"
import { createCountedSignal } from "../support/counted-signal.ts"
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
    party: limiter.join(),
    clock,
    random: () => 0,
    ...options,
  })
  const ask = () =>
    client.request({
      action: "read the members",
      listId,
      resource: "members",
      query: () => ({ count: 1000 }),
      parse: (body) => {
        const page = JSON.parse(new TextDecoder().decode(body))
        return page.members.length === page.total_items ? "whole" : "cut"
      },
      signal: counted.signal,
    })
  const leftovers = () => ({
    inUse: limiter.state().inUse,
    kept: limiter.state().kept,
    timers: clock.sleepers(),
    listeners: counted.listeners(),
  })
  return { clock, limiter, client, ask, leftovers, ...counted }
}

const nothing = { inUse: 0, kept: 0, timers: 0, listeners: 0 }

/** Waits for something that happens on the other side of a socket. */
async function until(isSo: () => boolean) {
  while (!isSo()) await Bun.sleep(1)
}

const log = () => running.sandbox.traffic.log

describe("request(), over sockets", () => {
  const broken: [string, FaultAction][] = [
    ["a body that is cut", { kind: "cut", keep: 0.5 }],
    ["a body that is cut at its very end", { kind: "cut", keep: 0.9999 }],
    ["a connection that is reset", { kind: "reset" }],
    ["JSON that ends early", { kind: "bad_json", keep: 0.5 }],
    ["HTML with status 200", { kind: "html", status: 200 }],
    ["HTML with status 502", { kind: "html", status: 502 }],
    ["an internal server error", { kind: "problem", problem: "internal_server_error" }],
  ]
  for (const gzip of [true, false]) {
    test.each(broken)(`asks again after %s, gzip ${gzip}`, async (_name, action) => {
      running.sandbox.settings.gzip = gzip
      const { ask, leftovers, clock } = setUp()
      const fault = running.sandbox.faults.add({ action, times: 2 })
      // The jitter is nothing here, so a pause ends as soon as time moves.
      const asked = ask()
      let result: string | undefined
      while (result === undefined) result = (await Promise.race([asked, clock.advance(1)])) ?? undefined
      expect(result).toBe("whole")
      expect(fault.played).toBe(2)
      expect(leftovers()).toEqual(nothing)
    })
  }

  test("a body that comes slowly comes whole", async () => {
    running.sandbox.faults.add({ action: { kind: "slow", chunks: 20, everyMs: 2 } })
    const { ask, leftovers } = setUp()
    expect(await ask()).toBe("whole")
    expect(leftovers()).toEqual(nothing)
  })

  const endless: [string, FaultAction][] = [
    ["before an answer", { kind: "hang" }],
    ["in the middle of a body", { kind: "slow", chunks: 10_000, everyMs: 5 }],
  ]
  test.each(endless)("times out %s, lets go of it, and asks again after a second", async (_name, action) => {
    running.sandbox.faults.add({ action })
    const { ask, clock, leftovers, limiter } = setUp({ timeoutMs: 60_000 })
    const asked = ask()
    await until(() => log().length === 1)
    await clock.advance(59_999)
    expect(log()[0]?.abortedAt).toBeUndefined()
    await clock.advance(1)
    await until(() => log()[0]?.abortedAt !== undefined)
    // Mailchimp may still be working on it: the permit is kept until it cuts the call itself.
    expect(limiter.state()).toMatchObject({ inUse: 0, kept: 1 })
    expect(log()).toHaveLength(1)
    await clock.advance(1000)
    expect(await asked).toBe("whole")
    await clock.advance(60_000)
    expect(leftovers()).toEqual(nothing)
  })

  test("a caller who leaves is not asked for again, and everything of his is let go at once", async () => {
    const seenMs: number[] = []
    for (let round = 0; round < 50; round += 1) {
      for (const [, action] of endless) {
        running.sandbox.traffic.reset()
        running.sandbox.faults.add({ action })
        const { ask, controller, leftovers } = setUp()
        const asked = ask().catch((error: unknown) => error)
        // The status is noted when the headers go out; the body takes fifty seconds from there.
        await until(() => log().length === 1 && (action.kind === "hang" || log()[0]?.status === 200))
        await Bun.sleep(6)
        const leftMs = performance.now()
        controller.abort("left")
        expect(await asked).toBe("left")
        expect(leftovers()).toEqual(nothing)
        await until(() => log()[0]?.abortedAt !== undefined)
        seenMs.push(performance.now() - leftMs)
        expect(log()).toHaveLength(1)
      }
    }
    const worst = Math.max(...seenMs)
    process.stdout.write(`upstream saw 100 of 100 aborts, the slowest after ${worst.toFixed(1)} ms\n`)
    await until(() => running.sandbox.traffic.connections(1).now === 0)
  })

  test("follows the account to its data center by the metadata", async () => {
    const oauth = createMailchimpOAuth({
      clientId: "sandbox-client",
      clientSecret: "sandbox-secret",
      redirectUri: "http://127.0.0.1/callback",
      authorizationUrl: `${running.url}/oauth2/authorize`,
      tokenUrl: `${running.url}/oauth2/token`,
      dataCenterUrl: `${running.url}/oauth2/metadata`,
    })
    const onWrongDataCenter = async () => (await oauth.readMetadata(accessToken)).dc
    expect(await setUp({ dc: "us9", onWrongDataCenter }).ask()).toBe("whole")
  })

  test("tells a revoked token and a disabled user", async () => {
    const { ask } = setUp()
    expect(await ask()).toBe("whole")
    running.sandbox.setDisabled(1, true)
    expect(await ask().catch((error: unknown) => error)).toMatchObject({ kind: "user_disabled" })
    running.sandbox.setDisabled(1, false)
    running.sandbox.revoke(1)
    const error = await ask().catch((error: unknown) => error)
    expect(error).toBeInstanceOf(MailchimpError)
    expect(error).toMatchObject({
      kind: "token_revoked",
      code: "connection_invalidated",
      upstream: { status: 401, title: "API Key Invalid" },
    })
  })

  test("nobody listens: the connection failed", async () => {
    const { client, signal } = setUp({ random: () => 0.5 })
    await running.stop()
    const request = { action: "read the lists", query: () => ({}), parse: () => 1, signal, deadlineMs: 0 }
    const error = await client.request(request).catch((error: unknown) => error)
    expect(error).toMatchObject({ kind: "connection_failed", code: "mailchimp_error" })
  })
})

describe("two exports of one account and one of another", () => {
  test("stay under ten connections and 10 + 10 t requests as Mailchimp counts them, and share", async () => {
    await running.stop()
    const other = {
      ...account,
      userId: 2,
      tokens: ["b".repeat(32)],
      lists: [{ name: "B", id: "b1b2c3d4e5", count: 10 }],
    }
    const arrivals: { userId: number; ms: number }[] = []
    running = startSandbox({
      accounts: [account, other],
      latencyMs: 40,
      onRequest: ({ listId }) =>
        arrivals.push({ userId: listId === "b1b2c3d4e5" ? 2 : 1, ms: performance.now() }),
    })
    const { signal } = new AbortController()
    const [limiter, limiterOfOther] = [createLimiter(), createLimiter()]
    const start = async (accessToken: string, listId: string, party: ReturnType<typeof limiter.join>) => {
      const client = createMailchimpClient({ accessToken, dc: "us1", apiUrl: `${running.url}/3.0`, party })
      const request = { action: "x", listId, resource: "members", query: () => ({ count: 1 }), signal }
      const finishedMs: number[] = []
      const ask = async () => {
        await client.request({ ...request, parse: () => 1 })
        finishedMs.push(performance.now())
      }
      await Promise.all(Array.from({ length: 15 }, ask))
      return finishedMs
    }
    const [first, second, third] = await Promise.all([
      start(accessToken, listId, limiter.join()),
      start(accessToken, listId, limiter.join()),
      start("b".repeat(32), "b1b2c3d4e5", limiterOfOther.join()),
    ])
    for (const userId of [1, 2]) {
      expect(running.sandbox.traffic.connections(userId).peak).toBeLessThanOrEqual(10)
      const times = arrivals.filter((arrival) => arrival.userId === userId).map(({ ms }) => ms)
      for (const [from, fromMs] of times.entries()) {
        for (const [to, toMs] of times.entries()) {
          if (to >= from) expect(to - from + 1).toBeLessThanOrEqual(10 + (toMs - fromMs) / 100)
        }
      }
    }
    expect(log().filter(({ status }) => status === 429)).toHaveLength(0)
    // Both of the first account need tokens of one bucket, so each ends near the end; the other has its own.
    expect(Math.max(...third)).toBeLessThan(Math.min(Math.max(...first), Math.max(...second)))
  })
})
