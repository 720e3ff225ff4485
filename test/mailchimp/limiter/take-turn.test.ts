import { expect, test } from "bun:test"
import { MailchimpError } from "../../../src/mailchimp/errors.ts"
import { createFixedAllowance } from "../../../src/mailchimp/limiter/allowance.ts"
import { createLimiter } from "../../../src/mailchimp/limiter/limiter.ts"
import { takeTurn } from "../../../src/mailchimp/limiter/take-turn.ts"
import { createCountedSignal } from "../../support/counted-signal.ts"
import { createVirtualClock } from "../../support/virtual-clock.ts"

const subject = { action: "read the lists" }
const { signal } = new AbortController()

/** A limiter with few permits, and how a request waits in it. */
function setUp(allowed: { readonly ratePerSecond: number; readonly permits?: number }) {
  const clock = createVirtualClock()
  const limiter = createLimiter({ allowance: createFixedAllowance({ permits: 2, ...allowed }), clock })
  const counted = createCountedSignal()
  const other = limiter.join()
  const flow = limiter.join()
  const wait = (waitLeftMs: () => number | undefined) =>
    takeTurn(flow, subject, { signal: counted.signal, patienceMs: 600_000, waitLeftMs, clock })
  const within = (ms: number) => () => ms - clock.monotonicMs()
  const leftovers = () => [limiter.state().waiting, clock.sleepers(), counted.listeners()]
  return { clock, limiter, other, wait, within, leftovers }
}

const failureOf = (promise: Promise<unknown>) => promise.catch((error: unknown) => error)

test("no permit in 30 s, because other requests hold all: a 503 that says so, and nothing is left behind", async () => {
  const { clock, other, wait, within, leftovers } = setUp({ ratePerSecond: 10 })
  using _first = await other.acquire(signal)
  using _second = await other.acquire(signal)
  const error = await clock.settle(failureOf(wait(within(30_000))))
  expect(error).toBeInstanceOf(MailchimpError)
  expect(error).toMatchObject({
    code: "mailchimp_throttled",
    kind: "no_permit",
    status: 503,
    retryable: true,
    retryAfterS: 10,
    message: expect.stringContaining("other requests of this Mailchimp user hold all of them"),
  })
  expect(clock.monotonicMs()).toBe(30_000)
  expect(leftovers()).toEqual([0, 0, 0])
})

test("no token in 30 s, because other requests use up the rate: the detail says so", async () => {
  const { clock, other, wait, within, leftovers } = setUp({ ratePerSecond: 0.01, permits: 10 })
  using _only = await other.acquire(signal)
  const error = await clock.settle(failureOf(wait(within(30_000))))
  expect(error).toMatchObject({
    code: "mailchimp_throttled",
    kind: "no_token",
    message: expect.stringContaining("rate limit"),
  })
  expect([clock.monotonicMs(), ...leftovers()]).toEqual([30_000, 0, 0, 0])
})

test("a free permit is taken even if no time is left, and leaves no timer", async () => {
  const { clock, wait, leftovers } = setUp({ ratePerSecond: 10 })
  using _permit = await clock.settle(wait(() => 0))
  expect(leftovers()).toEqual([0, 0, 0])
})

test("an unlimited wait lasts until a permit is released", async () => {
  const { clock, other, wait } = setUp({ ratePerSecond: 10 })
  const held = [await other.acquire(signal), await other.acquire(signal)]
  const waiting = wait(() => undefined)
  await clock.advance(3_600_000)
  held[0]?.[Symbol.dispose]()
  using _permit = await waiting
  expect(clock.monotonicMs()).toBe(3_600_000)
})

test("a request keeps its position in the queue if its export begins to respond before the deadline", async () => {
  const { clock, other, wait, within, leftovers } = setUp({ ratePerSecond: 10 })
  const held = [await other.acquire(signal), await other.acquire(signal)]
  let hasAnswered = false
  const waiting = wait(() => (hasAnswered ? undefined : within(30_000)()))
  await clock.advance(29_000)
  hasAnswered = true
  await clock.advance(100_000)
  held[0]?.[Symbol.dispose]()
  using _permit = await waiting
  expect(leftovers()).toEqual([0, 0, 0])
})

test("a request whose caller aborts while it waits rejects with the caller's reason", async () => {
  const { other, limiter, clock } = setUp({ ratePerSecond: 10 })
  using _first = await other.acquire(signal)
  using _second = await other.acquire(signal)
  const caller = new AbortController()
  const waiting = failureOf(
    takeTurn(limiter.join(), subject, {
      signal: caller.signal,
      patienceMs: 600_000,
      waitLeftMs: () => 30_000,
      clock,
    }),
  )
  caller.abort("left")
  expect(await waiting).toBe("left")
  expect([limiter.state().waiting, clock.sleepers()]).toEqual([0, 0])
})
