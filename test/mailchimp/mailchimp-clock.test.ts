import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { createMailchimpClock } from "../../src/mailchimp/mailchimp-clock.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"

const START = 1_700_000_000
const { signal } = new AbortController()

function setUp() {
  const clock = createVirtualClock(START * 1000)
  const differences: number[] = []
  const mailchimp = createMailchimpClock({
    clock,
    marginS: 10,
    onDifference: (aheadS) => differences.push(aheadS),
  })
  const observe = (second: number) =>
    mailchimp.observe(new Date(second * 1000).toUTCString(), clock.monotonicMs())
  return { clock, mailchimp, observe, differences }
}

describe("createMailchimpClock()", () => {
  test("uses its own clock less a margin as the earlier clock until a response has a date", () => {
    const { mailchimp, differences } = setUp()
    mailchimp.observe(null, 0)
    mailchimp.observe("yesterday", 0)
    expect(mailchimp.now()).toMatchObject({ earliest: START - 10, latest: START })
    expect(differences).toEqual([])
  })

  test("returns the earlier and the later of its own clock and the latest date, whichever is wrong", async () => {
    const { clock, mailchimp, observe } = setUp()
    for (const second of [START + 600, START - 600, START + 30]) {
      observe(second)
      const earliest = Math.min(START, second)
      expect(mailchimp.now()).toMatchObject({ earliest, latest: Math.max(START, second) })
    }
    await clock.advance(2500)
    observe(START - 600)
    expect(mailchimp.now()).toMatchObject({ earliest: START - 600, latest: START + 2 })
  })

  test("is never ahead of Mailchimp, however wrong our clock, the latency or a single date may be", () => {
    const responses = fc.array(
      fc.record({
        pauseMs: fc.nat(5000),
        travelMs: fc.nat(3000),
        dateWrongS: fc.integer({ min: -600, max: 0 }),
      }),
      { minLength: 1, maxLength: 50 },
    )
    const wrongS = fc.integer({ min: -600, max: 600 })
    fc.assert(
      fc.property(wrongS, responses, (ownWrongS, responses) => {
        let elapsedMs = 0
        const own = () => START * 1000 + elapsedMs + ownWrongS * 1000
        const clock = { ...createVirtualClock(), now: own, monotonicMs: () => elapsedMs }
        const mailchimp = createMailchimpClock({ clock, marginS: 10 })
        for (const { pauseMs, travelMs, dateWrongS } of responses) {
          // A date that is ahead is harmless if our own clock is right.
          const wrongMs = (ownWrongS === 0 ? Math.abs(dateWrongS) : dateWrongS) * 1000
          const sentMs = START * 1000 + elapsedMs + wrongMs
          elapsedMs += travelMs
          mailchimp.observe(new Date(sentMs).toUTCString(), elapsedMs)
          elapsedMs += pauseMs
          expect(mailchimp.now().earliest * 1000).toBeLessThanOrEqual(START * 1000 + elapsedMs)
        }
      }),
    )
  })

  test("reports once that the two clocks differ by more than the margin", () => {
    const { observe, differences } = setUp()
    observe(START - 10)
    expect(differences).toEqual([])
    observe(START + 30)
    observe(START + 60)
    expect(differences).toEqual([30])
  })

  test("waits until the earlier clock shows a second, no longer, and aborts at once", async () => {
    const { clock, mailchimp, observe } = setUp()
    observe(START - 5)
    await mailchimp.waitUntil(START - 5, 60, signal)
    await clock.settle(mailchimp.waitUntil(START + 2, 60, signal))
    expect([mailchimp.now().earliest, clock.monotonicMs()]).toEqual([START + 2, 7000])

    const controller = new AbortController()
    const waiting = mailchimp.waitUntil(START + 60, 100, controller.signal).catch((error: unknown) => error)
    controller.abort("left")
    expect([await waiting, clock.sleepers()]).toEqual(["left", 0])
    expect(await mailchimp.waitUntil(1, 1, controller.signal).catch((error: unknown) => error)).toBe("left")
  })

  test("waits no longer than the maximum, whatever the clocks say", async () => {
    const { clock, mailchimp, observe } = setUp()
    observe(START - 600)
    await clock.settle(mailchimp.waitUntil(START, 20, signal))
    expect(clock.monotonicMs()).toBe(20_000)
  })
})
