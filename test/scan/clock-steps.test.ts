import { describe, expect, test } from "bun:test"
import { createClockSteps } from "../../src/scan/clock-steps.ts"

const HORIZON = 980

/** A request sent `elapsedS` seconds after the first, when the earlier clock showed `earliest`. */
const at = (elapsedS: number, earliest: number, datedS = elapsedS) => ({
  earliest,
  latest: earliest,
  elapsedS,
  datedS,
})

describe("createClockSteps()", () => {
  test("sets no limit while clocks differ by at most the margin and slow requests arrive out of order", () => {
    const clockSteps = createClockSteps(HORIZON, 10)
    for (const moment of [at(0, 1000), at(100, 1099), at(50, 1050), at(101, 1092)]) clockSteps.observe(moment)
    expect(clockSteps.limit()).toBe(Infinity)
  })

  test("limits permanently to the watermark just before a clock was put back", () => {
    const clockSteps = createClockSteps(HORIZON, 10)
    clockSteps.observe(at(0, 1000))
    clockSteps.observe(at(100, 1100, 90))
    // The clock is put back by ten minutes. The last `Date` before that was seen after 90 seconds.
    clockSteps.observe(at(150, 550, 150))
    expect(clockSteps.limit()).toBe(479)
    clockSteps.observe(at(400, 800))
    expect(clockSteps.limit()).toBe(479)
  })

  test("limits to the current watermark if the horizon of the resumed export is ahead", () => {
    const clockSteps = createClockSteps(HORIZON, 10)
    clockSteps.observe(at(0, 900))
    expect(clockSteps.limit()).toBe(889)
  })
})
