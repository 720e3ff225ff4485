import { describe, expect, test } from "bun:test"
import { createClockSteps } from "../../src/scan/clock-steps.ts"

const HORIZON = 980

/** A request that was sent so many seconds after the first, when the earlier clock showed a second. */
const at = (elapsedS: number, earliest: number, datedS = elapsedS) => ({
  earliest,
  latest: earliest,
  elapsedS,
  datedS,
})

describe("createClockSteps()", () => {
  test("is no limit while clocks differ by no more than the margin, and slow requests arrive out of order", () => {
    const clockSteps = createClockSteps(HORIZON, 10)
    for (const moment of [at(0, 1000), at(100, 1099), at(50, 1050), at(101, 1092)]) clockSteps.observe(moment)
    expect(clockSteps.limit()).toBe(Infinity)
  })

  test("is what was closed just before a clock was put back, for good", () => {
    const clockSteps = createClockSteps(HORIZON, 10)
    clockSteps.observe(at(0, 1000))
    clockSteps.observe(at(100, 1100, 90))
    // Ten minutes back. The last date before that was seen after 90 seconds.
    clockSteps.observe(at(150, 550, 150))
    expect(clockSteps.limit()).toBe(479)
    clockSteps.observe(at(400, 800))
    expect(clockSteps.limit()).toBe(479)
  })

  test("is what is closed now if the horizon of the export that is resumed lies ahead", () => {
    const clockSteps = createClockSteps(HORIZON, 10)
    clockSteps.observe(at(0, 900))
    expect(clockSteps.limit()).toBe(889)
  })
})
