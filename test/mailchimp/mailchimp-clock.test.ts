import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { createMailchimpClock } from "../../src/mailchimp/mailchimp-clock.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"

const dateOf = (ms: number) => new Date(ms).toUTCString()

describe("createMailchimpClock()", () => {
  test("knows nothing before the first date, and nothing from what is none", async () => {
    const clock = createVirtualClock()
    const mailchimp = createMailchimpClock(clock)
    mailchimp.observe(null, 0)
    mailchimp.observe("yesterday", 0)
    expect(mailchimp.second()).toBe(-Infinity)
    await mailchimp.waitUntil(5, new AbortController().signal)
    expect(clock.sleepers()).toBe(0)
  })

  test("is never ahead of Mailchimp, however late answers come, and loses at most a second and the latency", () => {
    const answers = fc.array(fc.record({ pauseMs: fc.nat(5000), travelMs: fc.nat(3000) }), {
      minLength: 1,
      maxLength: 50,
    })
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2e12 }), answers, (skewMs, answers) => {
        let elapsedMs = 0
        const clock = { ...createVirtualClock(), monotonicMs: () => elapsedMs }
        const mailchimp = createMailchimpClock(clock)
        let fastestMs = Infinity
        let before = -Infinity
        for (const { pauseMs, travelMs } of answers) {
          const sentMs = skewMs + elapsedMs
          elapsedMs += travelMs
          fastestMs = Math.min(fastestMs, travelMs)
          mailchimp.observe(dateOf(sentMs), elapsedMs)
          elapsedMs += pauseMs
          const truth = skewMs + elapsedMs
          expect(mailchimp.second() * 1000).toBeLessThanOrEqual(truth)
          expect(mailchimp.second() * 1000).toBeGreaterThan(truth - fastestMs - 2000)
          expect(mailchimp.second()).toBeGreaterThanOrEqual(before)
          before = mailchimp.second()
        }
      }),
    )
  })

  test("an answer that took long does not put it back", () => {
    const clock = createVirtualClock()
    const mailchimp = createMailchimpClock(clock)
    mailchimp.observe(dateOf(100_000), 0)
    mailchimp.observe(dateOf(40_000), 0)
    expect(mailchimp.second()).toBe(100)
  })

  test("waits until it has reached a second, not longer, and aborts at once", async () => {
    const clock = createVirtualClock()
    const mailchimp = createMailchimpClock(clock)
    mailchimp.observe(dateOf(100_000), 0)
    const { signal } = new AbortController()
    await mailchimp.waitUntil(100, signal)
    await clock.settle(mailchimp.waitUntil(107, signal))
    expect([mailchimp.second(), clock.monotonicMs()]).toEqual([107, 7000])

    const controller = new AbortController()
    const waiting = mailchimp.waitUntil(200, controller.signal).catch((error: unknown) => error)
    controller.abort("left")
    expect([await waiting, clock.sleepers()]).toEqual(["left", 0])
    expect(await mailchimp.waitUntil(1, controller.signal).catch((error: unknown) => error)).toBe("left")
  })
})
