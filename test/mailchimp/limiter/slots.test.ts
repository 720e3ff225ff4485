import { describe, expect, test } from "bun:test"
import { createLimiter, type Flow } from "../../../src/mailchimp/limiter/limiter.ts"
import { createSlots } from "../../../src/mailchimp/limiter/slots.ts"
import { createRandom } from "../../scan/model/random.ts"
import { createFakeLeases } from "../../support/fake-leases.ts"
import { createVirtualClock } from "../../support/virtual-clock.ts"

const times = { leaseMs: 10_000, holdMs: 1020 }
const random = createRandom(1).next

/** Processes that share one Mailchimp user, and what Mailchimp sees of all of them. */
function setUp(processes: number) {
  const clock = createVirtualClock()
  const leases = createFakeLeases({ total: 10, leaseMs: times.leaseMs, clock })
  const flows = Array.from({ length: processes }, () => {
    const slots = createSlots({ ...times, tryLease: leases.tryLease, total: 10, clock, random })
    return createLimiter({ slots, clock }).join()
  })
  const startsMs: number[] = []
  let running = 0
  let mostRunning = 0

  /** Requests pages of this duration, one after the other, until it is aborted. */
  async function readPages(flow: Flow, ms: number, signal: AbortSignal, count = { requests: 0 }) {
    for (;;) {
      using permit = await flow.acquire(signal)
      count.requests += 1
      startsMs.push(clock.monotonicMs())
      running += 1
      mostRunning = Math.max(mostRunning, running)
      await clock.sleep(ms, signal).finally(() => (running -= 1))
      permit.succeeded()
    }
  }

  /** As many readers as a process with an export has, for some time. Returns the requests of each process. */
  async function work(ms: number, forMs: number, readers = 10): Promise<number[]> {
    const stop = new AbortController()
    const counts = flows.map(() => ({ requests: 0 }))
    const work = flows.flatMap((flow, index) =>
      Array.from({ length: readers }, () => readPages(flow, ms, stop.signal, counts[index])),
    )
    await clock.advance(forMs)
    stop.abort(new Error("stopped"))
    await Promise.allSettled(work)
    return counts.map(({ requests }) => requests)
  }

  return { clock, leases, flows, readPages, work, startsMs, mostRunning: () => mostRunning }
}

/** The most starts in any span, less ten a second. */
function excess(startsMs: readonly number[]): number {
  let most = 0
  let least = Infinity
  startsMs.forEach((ms, index) => {
    least = Math.min(least, index - ms / 100)
    most = Math.max(most, index + 1 - ms / 100 - least)
  })
  return most
}

describe("several processes that share a Mailchimp user", () => {
  test.each([
    [1, 300],
    [2, 300],
    [3, 300],
    [3, 1500],
  ])(
    "%i of them, %i ms a page: within the limits, nearly all of them used, in fair shares",
    async (processes, ms) => {
      const { work, startsMs, mostRunning } = setUp(processes)
      const requests = await work(ms, 60_000)
      expect(mostRunning()).toBeLessThanOrEqual(10)
      expect(excess(startsMs)).toBeLessThanOrEqual(10)
      expect(startsMs.length).toBeGreaterThan(0.93 * 60 * (ms > 1000 ? 10_000 / ms : 10))
      expect(Math.max(...requests)).toBeLessThanOrEqual(1.5 * Math.min(...requests))
    },
  )

  test("a process alone may begin with all requests, and gets as many again after another has left", async () => {
    const { clock, flows, leases, work } = setUp(2)
    const [first, second] = [flows[0]!, flows[1]!]
    expect(first.spare(Infinity)).toBe(9)
    await work(1500, 10_000)
    const hold = await clock.settle(
      Promise.all(Array.from({ length: 5 }, () => second.acquire(new AbortController().signal))),
    )
    const leave = new AbortController()
    const waiting = Array.from({ length: 10 }, () => first.acquire(leave.signal))
    await clock.advance(3000)
    expect(leases.leased()).toBe(10)
    expect(first.spare()).toBe(0)
    for (const permit of hold) permit[Symbol.dispose]()
    await clock.advance(3000)
    for (const permit of await clock.settle(Promise.all(waiting))) permit[Symbol.dispose]()
    await clock.advance(3000)
    expect(leases.leased()).toBe(0)
    expect(first.spare()).toBeGreaterThanOrEqual(5)
  })

  test("a process that begins while another uses all slots gets its first within two seconds, and then its share", async () => {
    const { clock, flows, startsMs, readPages } = setUp(2)
    const stop = new AbortController()
    const counts = flows.map(() => ({ requests: 0 }))
    const start = (index: number) => {
      for (let reader = 0; reader < 10; reader += 1)
        void readPages(flows[index]!, 300, stop.signal, counts[index]).catch(() => {})
    }
    start(0)
    await clock.advance(20_000)
    start(1)
    await clock.advance(2000)
    expect(counts[1]!.requests).toBeGreaterThan(0)
    await clock.advance(8000)
    const before = counts.map(({ requests }) => requests)
    await clock.advance(60_000)
    stop.abort(new Error("stopped"))
    const shares = counts.map(({ requests }, index) => requests - before[index]!)
    expect(Math.max(...shares)).toBeLessThanOrEqual(1.5 * Math.min(...shares))
    expect(excess(startsMs)).toBeLessThanOrEqual(10)
  })

  test("spare() shrinks to what a process has if it is refused, and grows by one with each lease", async () => {
    const { clock, flows } = setUp(2)
    const [first, second] = [flows[0]!, flows[1]!]
    const { signal } = new AbortController()
    const others = await clock.settle(Promise.all(Array.from({ length: 9 }, () => second.acquire(signal))))
    await clock.settle(first.acquire(signal))
    expect(first.spare()).toBe(8)
    const leaving = new AbortController()
    const refused = first.acquire(leaving.signal).catch(() => {})
    await clock.advance(100)
    expect(first.waitingFor()).toBe("permit")
    leaving.abort()
    await refused
    expect(first.spare()).toBe(0)

    for (const permit of others) permit[Symbol.dispose]()
    await clock.advance(2000)
    const spare: number[] = []
    using _listening = first.onAllowanceChange(() => spare.push(first.spare()))
    for (let count = 0; count < 3; count += 1) await clock.settle(first.acquire(signal))
    expect(spare).toEqual([1, 1, 1])
  })

  test("a process that has all slots sends no attempt that can only be refused", async () => {
    const clock = createVirtualClock()
    const leases = createFakeLeases({ total: 10, leaseMs: times.leaseMs, clock })
    let [attempts, granted] = [0, 0]
    const tryLease = async () => {
      attempts += 1
      const lease = await leases.tryLease()
      if (lease) granted += 1
      return lease
    }
    const slots = createSlots({ ...times, tryLease, total: 10, clock, random })
    slots.want(20)
    await clock.advance(20)
    expect(slots.held()).toBe(10)
    slots.take()?.end()
    await clock.advance(5000)
    expect([attempts, granted]).toEqual([11, 11])
  })

  test("a slot that no request takes is released at once", async () => {
    const { clock, flows, leases } = setUp(1)
    const leaving = new AbortController()
    const left = flows[0]!.acquire(leaving.signal).catch(() => {})
    leaving.abort()
    await left
    await clock.advance(5)
    expect(leases.leased()).toBe(0)
  })
})

describe("a lease", () => {
  test("that has run out while the process was frozen starts nothing", async () => {
    const clock = createVirtualClock()
    const leases = createFakeLeases({ total: 10, leaseMs: times.leaseMs, clock })
    let attempts = 0
    const tryLease = async () => {
      attempts += 1
      const lease = await leases.tryLease()
      // The response comes when the process is thawed.
      if (attempts === 1) await clock.sleep(11_000)
      return lease
    }
    const flow = createLimiter({
      slots: createSlots({ ...times, tryLease, total: 10, clock, random }),
      clock,
    }).join()
    using _permit = await clock.settle(flow.acquire(new AbortController().signal))
    expect(attempts).toBe(2)
  })

  test("is renewed while its request lasts", async () => {
    const { clock, flows, leases } = setUp(1)
    const permit = await clock.settle(flows[0]!.acquire(new AbortController().signal))
    await clock.advance(100_000)
    expect(permit.lost?.aborted).toBe(false)
    expect(leases.leased()).toBe(1)
    permit[Symbol.dispose]()
    await clock.advance(5)
    expect(leases.leased()).toBe(0)
  })

  test("of a request that timed out is kept as long as Mailchimp may work on it", async () => {
    const { clock, flows, leases } = setUp(1)
    const permit = await clock.settle(flows[0]!.acquire(new AbortController().signal))
    permit.timedOut()
    permit[Symbol.dispose]()
    await clock.advance(119_000)
    expect(leases.leased()).toBe(1)
    await clock.advance(2000)
    expect(leases.leased()).toBe(0)
  })

  test("that the store has forgotten is lost at the next renewal", async () => {
    const { clock, flows, leases } = setUp(1)
    const permit = await clock.settle(flows[0]!.acquire(new AbortController().signal))
    leases.comeBack(false)
    await clock.advance(3400)
    expect(permit.lost?.aborted).toBe(true)
  })
})

describe("if the store of leases does not respond", () => {
  test("nothing starts until all leases have ended, and then one request a second", async () => {
    const { clock, flows, leases, work, startsMs } = setUp(2)
    leases.goDown()
    await work(300, 30_000)
    expect(startsMs[0]).toBeGreaterThanOrEqual(times.leaseMs)
    expect(startsMs.length).toBeGreaterThanOrEqual(2 * 14)
    expect(startsMs.length).toBeLessThanOrEqual(2 * 20)
    leases.comeBack()
    await clock.advance(2000)
    startsMs.length = 0
    await work(300, 10_000)
    expect(startsMs.length).toBeGreaterThan(93)
    expect(flows[0]!.spare()).toBeGreaterThanOrEqual(0)
  })

  test("a request in progress is aborted when its lease ends", async () => {
    const { clock, flows, leases } = setUp(1)
    const permit = await clock.settle(flows[0]!.acquire(new AbortController().signal))
    leases.goDown()
    await clock.advance(times.leaseMs - 100)
    expect(permit.lost?.aborted).toBe(false)
    await clock.advance(200)
    expect(permit.lost?.aborted).toBe(true)
  })
})
