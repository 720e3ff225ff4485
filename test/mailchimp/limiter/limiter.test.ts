import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { createFixedAllowance } from "../../../src/mailchimp/limiter/allowance.ts"
import { createLimiter, type Flow } from "../../../src/mailchimp/limiter/limiter.ts"
import { LimiterPaused } from "../../../src/mailchimp/limiter/queue.ts"
import { createTestAllowance } from "../../support/test-allowance.ts"
import { disposeAll, take } from "../../support/permits.ts"
import { createVirtualClock, type VirtualClock } from "../../support/virtual-clock.ts"

const { signal } = new AbortController()

/** Makes concurrent requests that take `ms` each, and records when each began. */
async function work(flow: Flow, clock: VirtualClock, requests: number, ms: number) {
  const startedMs: number[] = []
  await Promise.all(
    Array.from({ length: requests }, async () => {
      using _permit = await flow.acquire(signal)
      startedMs.push(clock.monotonicMs())
      await clock.sleep(ms)
    }),
  )
  return startedMs
}

/** Makes successful requests, one after the other, each of the given duration. */
async function succeed(flow: Flow, clock: VirtualClock, afterMs: readonly number[]) {
  for (const ms of afterMs) {
    using permit = await clock.settle(flow.acquire(signal))
    await clock.advance(ms)
    permit.succeeded()
  }
}

/** How many requests are made in two minutes, with `atFirst` concurrent ones, and `more()` in addition after each response. */
async function serveTwoMinutes(
  latenciesMs: readonly number[],
  atFirst: number,
  more: (flow: Flow) => number,
) {
  const clock = createVirtualClock()
  const flow = createLimiter({ clock }).join()
  const stop = new AbortController()
  const workers: Promise<void>[] = []
  let served = 0
  const begin = (count: number) => workers.push(...Array.from({ length: count }, repeat))
  const repeat = async () => {
    for (;;) {
      using permit = await flow.acquire(stop.signal)
      await clock.sleep(latenciesMs[served++ % latenciesMs.length] ?? 0, stop.signal)
      permit.succeeded()
      queueMicrotask(() => begin(more(flow)))
    }
  }
  await succeed(flow, clock, [5])
  begin(atFirst)
  await clock.advance(120_000)
  stop.abort()
  await Promise.allSettled(workers)
  return served
}

describe("createLimiter()", () => {
  test("starts at most 10 + 10 t requests in any t seconds, and holds at most 10 at once", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({ requests: fc.integer({ min: 1, max: 40 }), ms: fc.integer({ min: 0, max: 3000 }) }),
          {
            minLength: 1,
            maxLength: 5,
          },
        ),
        async (exports) => {
          const clock = createVirtualClock()
          const limiter = createLimiter({ clock })
          let mostInUse = 0
          const all = exports.map(({ requests, ms }) => work(limiter.join(), clock, requests, ms))
          const watch = async () => {
            for (;;) {
              mostInUse = Math.max(mostInUse, limiter.state().inUse)
              await clock.sleep(10)
            }
          }
          void watch()
          const startedMs = (await clock.settle(Promise.all(all))).flat().toSorted((a, b) => a - b)
          expect(mostInUse).toBeLessThanOrEqual(10)
          for (const [first, from] of startedMs.entries()) {
            for (let last = first; last < startedMs.length; last += 1) {
              const spanS = (startedMs[last]! - from) / 1000
              expect(last - first + 1).toBeLessThanOrEqual(10 + 10 * spanS)
            }
          }
        },
      ),
      { numRuns: 30 },
    )
  })

  test("uses the whole rate: a hundred short requests take no longer than their tokens", async () => {
    const clock = createVirtualClock()
    await clock.settle(work(createLimiter({ clock }).join(), clock, 100, 5))
    // Nine at once, then ten a second, plus the time of the last request.
    expect(clock.monotonicMs()).toBe(((100 - 9) / 10) * 1000 + 5)
  })

  test("keeps the bound if requests arrive up to 100 ms closer together than they started", async () => {
    const clock = createVirtualClock()
    const startedMs = await clock.settle(work(createLimiter({ clock }).join(), clock, 40, 0))
    for (const [first, from] of startedMs.entries()) {
      const spansS = startedMs.slice(first).map((ms) => Math.max(0, ms - from - 100) / 1000)
      for (const [more, spanS] of spansS.entries()) expect(more + 1).toBeLessThanOrEqual(10 + 10 * spanS)
    }
  })

  test("serves exports in turn: a hundred requests of one do not delay two of another", async () => {
    const clock = createVirtualClock()
    const limiter = createLimiter({ clock })
    const big = work(limiter.join(), clock, 100, 50)
    const small = work(limiter.join(), clock, 2, 50)
    await clock.settle(small)
    expect(clock.monotonicMs()).toBeLessThan(500)
    await clock.settle(big)
  })

  test("shares evenly between exports that always have more requests", async () => {
    const clock = createVirtualClock()
    const limiter = createLimiter({ clock })
    const served = [0, 0, 0]
    const stop = new AbortController()
    const flows = [2, 5, 30].map(async (atOnce, index) => {
      const flow = limiter.join()
      const loop = async () => {
        for (;;) {
          using _permit = await flow.acquire(stop.signal)
          served[index]! += 1
          await clock.sleep(100)
        }
      }
      await Promise.allSettled(Array.from({ length: atOnce }, loop))
    })
    await clock.advance(60_000)
    const [one = 0, five = 0, thirty = 0] = served
    expect(one + five + thirty).toBeGreaterThan(600)
    expect(Math.max(one, five, thirty) - Math.min(one, five, thirty)).toBeLessThanOrEqual(3)
    stop.abort()
    await clock.settle(Promise.all(flows))
    expect([limiter.state().inUse, limiter.state().waiting, clock.sleepers()]).toEqual([0, 0, 0])
  })

  test("says what a flow waits for: a permit, or the rate limit", async () => {
    const clock = createVirtualClock()
    const limiter = createLimiter({ allowance: createFixedAllowance({ permits: 2 }), clock })
    const [holder, waiter] = [limiter.join(), limiter.join()]
    const held = await take(holder, 2)
    const waiting = waiter.acquire(signal)
    expect([holder.waitingFor(), waiter.waitingFor()]).toEqual([undefined, "permit"])
    disposeAll(held)
    disposeAll([await waiting])
    expect(waiter.waitingFor()).toBeUndefined()
    for (let taken = 3; taken < 9; taken += 1) disposeAll(await take(holder, 1))
    const late = waiter.acquire(signal)
    expect(waiter.waitingFor()).toBe("rate_limit")
    disposeAll([await clock.settle(late)])
  })

  test("spare() is how many requests could start at once", async () => {
    const clock = createVirtualClock()
    const limiter = createLimiter({ allowance: createFixedAllowance({ permits: 3 }), clock })
    const flow = limiter.join()
    expect(flow.spare()).toBe(3)
    const held = await take(flow, 2)
    expect(flow.spare()).toBe(1)
    flow.pause(100)
    expect(flow.spare()).toBe(0)
    await clock.advance(100)
    expect(flow.spare()).toBe(1)
    disposeAll(held)
    expect(flow.spare()).toBe(3)
  })

  test("spare() is at most how many requests use the whole rate", async () => {
    const clock = createVirtualClock()
    const [slow, fast] = [10, 1000].map((ratePerSecond) =>
      createLimiter({ allowance: createFixedAllowance({ ratePerSecond }), clock }).join(),
    )
    await succeed(slow!, clock, [300, 300])
    await succeed(fast!, clock, [300, 300])
    await clock.advance(1000)
    expect([slow!.spare(), fast!.spare()]).toEqual([4, 10])
  })

  test("a slow request of any flow counts while it is in progress", async () => {
    const clock = createVirtualClock()
    const limiter = createLimiter({ clock })
    const [flow, other] = [limiter.join(), limiter.join()]
    await succeed(flow, clock, [20, 20])
    const slow = await take(other, 1)
    expect(flow.spare()).toBe(0)
    await clock.advance(500)
    expect(flow.spare()).toBe(7 - 1)
    disposeAll(slow)
    expect(flow.spare()).toBe(1)
  })

  test("a failure says nothing about how long requests take", async () => {
    const clock = createVirtualClock()
    const flow = createLimiter({ clock }).join()
    await succeed(flow, clock, [300, 300])
    for (let failures = 0; failures < 20; failures += 1) {
      disposeAll(await clock.settle(take(flow, 1)))
    }
    await clock.advance(1000)
    expect(flow.spare()).toBe(4)
  })

  test("spare() excludes what other flows use or wait for", async () => {
    const clock = createVirtualClock()
    const limiter = createLimiter({ allowance: createFixedAllowance({ permits: 6 }), clock })
    const [flow, other] = [limiter.join(), limiter.join()]
    await succeed(flow, clock, [400, 400])
    await clock.advance(1000)
    const held = await take(other, 4)
    expect(flow.spare()).toBe(2)
    held.push(...(await take(flow, 1)))
    expect(flow.spare()).toBe(1)
    held.push(...(await take(other, 1)))
    const waiting = other.acquire(signal)
    expect(flow.spare()).toBe(0)
    disposeAll(held)
    disposeAll([await waiting])
    await clock.advance(1000)
    expect(flow.spare()).toBe(6)
  })

  test("spare() excludes a token for which a request waits, until that request has started", async () => {
    const clock = createVirtualClock()
    const flow = createLimiter({ allowance: createFixedAllowance({ ratePerSecond: 3 }), clock }).join()
    disposeAll(await take(flow, 2))
    const waiting = flow.acquire(signal)
    // Timers have whole milliseconds.
    await clock.advance(333.5)
    expect([flow.waitingFor(), flow.spare()]).toEqual(["rate_limit", 0])
    disposeAll([await clock.settle(waiting)])
  })

  test("as many concurrent requests as spare() allows are hardly slower than ten, however long requests take", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3000 }),
        fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 5 }),
        async (mostMs, others) => {
          const latenciesMs = [mostMs, mostMs, ...others.map((ms) => Math.min(ms, mostMs))]
          const ten = await serveTwoMinutes(latenciesMs, 10, () => 0)
          const adaptive = await serveTwoMinutes(latenciesMs, 1, (flow) => flow.spare())
          expect(adaptive).toBeGreaterThan(0.95 * ten)
        },
      ),
      { numRuns: 20 },
    )
  })

  test("an aborted wait rejects with the signal's reason, and leaves no item in the queue, permit, timer or listener", async () => {
    const clock = createVirtualClock()
    const limiter = createLimiter({ allowance: createFixedAllowance({ permits: 1 }), clock })
    const flow = limiter.join()
    const held = await take(flow, 1)
    const controller = new AbortController()
    const results = Array.from({ length: 50 }, () =>
      flow.acquire(controller.signal).catch((error: unknown) => error),
    )
    expect(limiter.state().waiting).toBe(50)
    controller.abort("left")
    expect(await Promise.all(results)).toEqual(Array.from({ length: 50 }, () => "left"))
    expect([limiter.state().waiting, flow.waitingFor(), clock.sleepers()]).toEqual([0, undefined, 0])
    disposeAll(held)
    expect(limiter.state().inUse).toBe(0)
    expect(await flow.acquire(controller.signal).catch((error: unknown) => error)).toBe("left")
  })

  test("the last wait for the rate limit leaves no timer behind when it is aborted", async () => {
    const clock = createVirtualClock()
    const flow = createLimiter({ clock }).join()
    disposeAll(await take(flow, 9))
    const controller = new AbortController()
    const waiting = flow.acquire(controller.signal).catch((error: unknown) => error)
    expect(clock.sleepers()).toBe(1)
    controller.abort("left")
    expect([await waiting, clock.sleepers()]).toEqual(["left", 0])
  })

  test("releases a permit once, however often it is disposed of", async () => {
    const limiter = createLimiter({
      allowance: createFixedAllowance({ permits: 2 }),
      clock: createVirtualClock(),
    })
    const flow = limiter.join()
    const [first, second] = await take(flow, 2)
    disposeAll([first!, first!, first!])
    expect(limiter.state().inUse).toBe(1)
    disposeAll([second!])
    expect(limiter.state().inUse).toBe(0)
  })

  test("ten requests that are throttled together halve the permits once; repeated throttling, down to one, never to zero", async () => {
    const clock = createVirtualClock()
    const limiter = createLimiter({ allowance: createFixedAllowance({ ratePerSecond: 100 }), clock })
    const flow = limiter.join()
    const permits: number[] = []
    for (let round = 0; round < 5; round += 1) {
      const held = await take(flow, limiter.state().permits)
      await clock.advance(1000)
      for (const permit of held) permit.throttled()
      disposeAll(held)
      permits.push(limiter.state().permits)
      await clock.advance(1000)
    }
    expect(permits).toEqual([5, 2, 1, 1, 1])
  })

  test("permits grow back by about one for each round of successes, never beyond the maximum", async () => {
    const clock = createVirtualClock()
    const limiter = createLimiter({ allowance: createFixedAllowance({ ratePerSecond: 1000 }), clock })
    const flow = limiter.join()
    const [throttled] = await take(flow, 1)
    throttled!.throttled()
    disposeAll([throttled!])
    await clock.advance(1)
    const rounds: number[] = []
    for (let round = 0; round < 7; round += 1) {
      const held = await take(flow, limiter.state().permits)
      for (const permit of held) permit.succeeded()
      disposeAll(held)
      rounds.push(limiter.state().permits)
    }
    expect(rounds[0]).toBeLessThanOrEqual(6)
    expect(rounds).toEqual(rounds.toSorted((a, b) => a - b))
    expect(rounds.at(-1)).toBe(10)
  })

  test("a request that began before the permits were halved does not restore them", async () => {
    const clock = createVirtualClock()
    const limiter = createLimiter({ clock })
    const held = await take(limiter.join(), 8)
    await clock.advance(10)
    held[0]!.throttled()
    for (const permit of held) permit.succeeded()
    expect(limiter.state().permits).toBe(5)
    disposeAll(held)
  })

  test("a request that timed out keeps its permit until 120 s after it began, and then releases it", async () => {
    const clock = createVirtualClock()
    const limiter = createLimiter({ allowance: createFixedAllowance({ permits: 1 }), clock })
    const flow = limiter.join()
    const [permit] = await take(flow, 1)
    await clock.advance(50_000)
    permit!.timedOut()
    disposeAll([permit!])
    expect(limiter.state()).toMatchObject({ inUse: 0, kept: 1 })
    const next = flow.acquire(signal)
    expect(flow.waitingFor()).toBe("permit")
    await clock.advance(69_999)
    expect(flow.waitingFor()).toBe("permit")
    await clock.advance(1)
    expect(flow.waitingFor()).toBeUndefined()
    disposeAll([await next])
    expect(limiter.state()).toMatchObject({ inUse: 0, kept: 0 })
    expect(clock.sleepers()).toBe(0)
  })

  test("a request that timed out after Mailchimp's own time-out keeps no permit", async () => {
    const clock = createVirtualClock()
    const limiter = createLimiter({ allowance: createFixedAllowance({ permits: 1 }), clock })
    const [permit] = await take(limiter.join(), 1)
    await clock.advance(125_000)
    permit!.timedOut()
    disposeAll([permit!])
    expect(limiter.state().kept).toBe(0)
  })

  test("a pause stops every flow, and a shorter pause does not shorten it", async () => {
    const clock = createVirtualClock()
    const limiter = createLimiter({ clock })
    const [one, other] = [limiter.join(), limiter.join()]
    one.pause(5000)
    one.pause(10)
    const waiting = other.acquire(signal)
    await clock.advance(4999)
    expect([other.waitingFor(), limiter.state().pausedMs]).toEqual(["rate_limit", 1])
    await clock.advance(1)
    expect(other.waitingFor()).toBeUndefined()
    disposeAll([await waiting])
    one.pause(86_400_000)
    expect(limiter.state().pausedMs).toBe(600_000)
  })

  test("refuses a request at once, queued or not, if a pause exceeds its patience", async () => {
    const clock = createVirtualClock()
    const limiter = createLimiter({ allowance: createFixedAllowance({ permits: 1 }), clock })
    const flow = limiter.join()
    const held = await take(flow, 1)
    const queued = flow.acquire(signal, 30_000).catch((error: unknown) => error)
    const patient = flow.acquire(signal, 300_000)
    flow.pause(60_000)
    expect(await queued).toEqual(new LimiterPaused(60_000))
    expect(await flow.acquire(signal, 59_000).catch((error: unknown) => error)).toBeInstanceOf(LimiterPaused)
    expect(limiter.state().waiting).toBe(1)
    disposeAll(held)
    disposeAll([await clock.settle(patient)])
    expect(clock.sleepers()).toBe(0)
  })
})

describe("an allowance that changes", () => {
  function setUp(atFirst: Parameters<typeof createTestAllowance>[0]) {
    const clock = createVirtualClock()
    const { allowance, change, listeners } = createTestAllowance(atFirst)
    const limiter = createLimiter({ allowance, clock })
    return { clock, change, listeners, limiter, flow: limiter.join() }
  }

  test("wakes the requests that wait for permits when it grows, in turn, as many as there are new permits", async () => {
    const { change, limiter, flow, clock } = setUp({ permits: 1 })
    const held = await take(flow, 1)
    const other = limiter.join()
    const granted: string[] = []
    const waiting = [flow, flow, other].map(async (each) => {
      const permit = await each.acquire(signal)
      granted.push(each === flow ? "flow" : "other")
      return permit
    })
    await clock.advance(0)
    expect(granted).toEqual([])
    change({ permits: 3 })
    await clock.advance(0)
    expect(granted).toEqual(["flow", "other"])
    expect(limiter.state()).toMatchObject({ permits: 3, inUse: 3, waiting: 1 })
    disposeAll(held)
    disposeAll(await Promise.all(waiting))
  })

  test("shrinks below what is in use: requests continue, and none starts until enough of them have ended", async () => {
    const { change, limiter, flow, clock } = setUp({ permits: 4 })
    const held = await take(flow, 4)
    change({ permits: 2 })
    expect([limiter.state().permits, flow.spare()]).toEqual([2, 0])
    let hasStarted = false
    const waiting = flow.acquire(signal).finally(() => (hasStarted = true))
    for (const isLast of [false, false, true]) {
      disposeAll(held.splice(0, 1))
      await clock.advance(0)
      expect(hasStarted).toBe(isLast)
    }
    disposeAll([...held, await waiting])
    expect(flow.spare()).toBe(2)
  })

  test("may become nothing: then no request starts, and none is refused, until it grows again", async () => {
    const { change, limiter, flow, clock } = setUp({})
    change({ permits: 0 })
    const waiting = flow.acquire(signal)
    await clock.advance(3_600_000)
    expect([flow.waitingFor(), flow.spare(), limiter.state().permits]).toEqual(["permit", 0, 0])
    change({ permits: 1 })
    disposeAll([await waiting])
    expect(clock.sleepers()).toBe(0)
  })

  test("a higher rate shortens the wait for a token, and a lower one lengthens it", async () => {
    const { change, flow, clock } = setUp({ ratePerSecond: 2 })
    disposeAll(await take(flow, 1))
    const startedAtMs = async () => {
      disposeAll([await flow.acquire(signal)])
      return clock.monotonicMs()
    }
    const [first, second] = [startedAtMs(), startedAtMs()]
    await clock.advance(250)
    // Half of the token is there already.
    change({ ratePerSecond: 10 })
    await clock.advance(50)
    expect(await first).toBe(300)
    change({ ratePerSecond: 1 })
    expect(await clock.settle(second)).toBe(1300)
  })

  test("starts at most what the rates of each moment allow, one second's worth more at once", async () => {
    const { change, flow, clock } = setUp({ permits: 100, ratePerSecond: 10 })
    const startedMs = work(flow, clock, 60, 0)
    for (let changes = 0; changes < 20; changes += 1) {
      await clock.advance(100)
      change({ ratePerSecond: changes % 2 === 0 ? 1 : 10 })
    }
    // Nine at once; then a token for each tenth of a second at 10, and a tenth of a token for each at 1.
    const early = [...(await clock.settle(startedMs))].filter((ms) => ms <= 2000)
    expect(early.length).toBeGreaterThanOrEqual(9 + 10)
    expect(early.length).toBeLessThanOrEqual(9 + 10 + 1)
  })

  test("permits that throttling took away grow back up to the allowance of that moment", async () => {
    const { change, limiter, flow, clock } = setUp({ ratePerSecond: 1000 })
    const [throttled] = await take(flow, 1)
    throttled!.throttled()
    disposeAll([throttled!])
    await clock.advance(1)
    const succeedOnce = async () => {
      for (const permit of await take(flow, limiter.state().permits)) {
        permit.succeeded()
        disposeAll([permit])
      }
      return limiter.state().permits
    }
    change({ permits: 3 })
    for (let rounds = 0; rounds < 10; rounds += 1) expect(await succeedOnce()).toBe(3)
    // Three at once say nothing about more than the five that were left.
    change({ permits: 8 })
    expect(limiter.state().permits).toBe(5)
    for (let rounds = 0; rounds < 10; rounds += 1) await succeedOnce()
    expect(limiter.state().permits).toBe(8)
    change({ permits: 12 })
    expect(limiter.state().permits).toBe(12)
  })

  test("tells a flow, after it has spare requests, and no longer after the listener was disposed of", () => {
    const { change, flow } = setUp({ permits: 1, ratePerSecond: 3 })
    const spares: number[] = []
    const listening = flow.onAllowanceChange(() => spares.push(flow.spare()))
    change({ permits: 4, ratePerSecond: 2 })
    change({ permits: 0 })
    listening[Symbol.dispose]()
    change({ permits: 5 })
    expect(spares).toEqual([1, 0])
  })

  test("a limiter that was disposed of no longer listens", () => {
    const { limiter, listeners } = setUp({})
    expect(listeners()).toBe(1)
    limiter[Symbol.dispose]()
    expect(listeners()).toBe(0)
  })
})
