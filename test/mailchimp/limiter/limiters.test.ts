import { describe, expect, test } from "bun:test"
import { createFixedAllowance } from "../../../src/mailchimp/limiter/allowance.ts"
import { createLimiters } from "../../../src/mailchimp/limiter/limiters.ts"
import { disposeAll, take } from "../../support/permits.ts"
import { createTestAllowance } from "../../support/test-allowance.ts"
import { createVirtualClock } from "../../support/virtual-clock.ts"

describe("createLimiters()", () => {
  const user = { dc: "us1", userId: "7" }

  test("all flows of a user share a limiter, and other users have their own", async () => {
    const limiters = createLimiters({
      allowanceOf: () => createFixedAllowance({ permits: 1 }),
      clock: createVirtualClock(),
    })
    const held = await take(limiters.join(user), 1)
    const second = limiters.join({ ...user })
    expect(second.spare()).toBe(0)
    expect(limiters.join({ ...user, dc: "us2" }).spare()).toBe(1)
    expect(limiters.join({ ...user, userId: "8" }).spare()).toBe(1)
    expect(limiters.states()).toHaveLength(3)
    disposeAll(held)
    expect(second.spare()).toBe(1)
  })

  test("a hundred short exports in a row share one bucket", async () => {
    const clock = createVirtualClock()
    const limiters = createLimiters({ clock })
    const shortExports = async () => {
      for (let made = 0; made < 100; made += 1) {
        const flow = limiters.join(user)
        disposeAll(await take(flow, 1))
        flow.leave()
      }
    }
    await clock.settle(shortExports())
    expect(clock.monotonicMs()).toBe(((100 - 9) / 10) * 1000)
  })

  test("drops the limiter of a user when it has no flows and has rested", async () => {
    const clock = createVirtualClock()
    const limiters = createLimiters({ clock })
    const flow = limiters.join(user)
    disposeAll(await take(flow, 9))
    await clock.advance(60_000)
    limiters.join({ ...user, userId: "other" }).leave()
    expect(limiters.states()).toHaveLength(2)
    flow.leave()
    limiters.join({ ...user, userId: "third" })
    expect(limiters.states()).toHaveLength(1)
  })

  test("remembers for a minute that a user was throttled, even without flows", async () => {
    const clock = createVirtualClock()
    const limiters = createLimiters({ clock })
    const flow = limiters.join(user)
    const held = await take(flow, 1)
    held[0]?.throttled()
    disposeAll(held)
    flow.leave()
    await clock.advance(60_000)
    limiters.join(user).leave()
    expect(limiters.states()).toMatchObject([{ permits: 5 }])
    await clock.advance(1)
    limiters.join(user).leave()
    expect(limiters.states()).toMatchObject([{ permits: 10 }])
  })

  test("remembers pauses and kept permits of a user without flows", async () => {
    const clock = createVirtualClock()
    const limiters = createLimiters({ clock })
    const flow = limiters.join(user)
    const [timedOut] = await take(flow, 1)
    timedOut!.timedOut()
    disposeAll([timedOut!])
    flow.pause(130_000)
    flow.leave()
    await clock.advance(119_999)
    limiters.join(user).leave()
    expect(limiters.states()).toMatchObject([{ kept: 1 }])
    await clock.advance(10_000)
    limiters.join(user).leave()
    expect(limiters.states()).toMatchObject([{ kept: 0, pausedMs: 1 }])
    await clock.advance(1)
    limiters.join(user).leave()
    expect(limiters.states()).toMatchObject([{ pausedMs: 0 }])
  })

  test("each user has their own allowance, to which a dropped limiter no longer listens", async () => {
    const clock = createVirtualClock()
    const allowances = new Map([
      ["7", createTestAllowance({ permits: 2 })],
      ["8", createTestAllowance({ permits: 3 })],
    ])
    const limiters = createLimiters({
      allowanceOf: ({ userId }) => allowances.get(userId)?.allowance ?? createFixedAllowance(),
      clock,
    })
    const [seven, eight] = ["7", "8"].map((userId) => limiters.join({ ...user, userId }))
    expect([seven!.spare(), eight!.spare()]).toEqual([2, 3])
    allowances.get("7")?.change({ permits: 1 })
    expect([seven!.spare(), eight!.spare()]).toEqual([1, 3])
    seven!.leave()
    limiters.join({ ...user, userId: "9" })
    expect([...allowances.values()].map(({ listeners }) => listeners())).toEqual([0, 1])
  })
})
