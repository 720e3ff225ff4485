import { describe, expect, test } from "bun:test"
import { createWatermark } from "../../src/exports/watermark.ts"

const HORIZON = 980

/** A request that was sent so many seconds after the first, when the earlier clock showed a second. */
const at = (elapsedS: number, earliest: number, datedS = elapsedS) => ({
  earliest,
  latest: earliest,
  elapsedS,
  datedS,
})

describe("createWatermark()", () => {
  test("is no limit while clocks differ by no more than the margin, and slow requests arrive out of order", () => {
    const watermark = createWatermark(HORIZON, 10)
    for (const moment of [at(0, 1000), at(100, 1099), at(50, 1050), at(101, 1092)]) watermark.observe(moment)
    expect(watermark.limit()).toBe(Infinity)
  })

  test("is what was closed just before a clock was put back, for good", () => {
    const watermark = createWatermark(HORIZON, 10)
    watermark.observe(at(0, 1000))
    watermark.observe(at(100, 1100, 90))
    // Ten minutes back. The last date before that was seen after 90 seconds.
    watermark.observe(at(150, 550, 150))
    expect(watermark.limit()).toBe(479)
    watermark.observe(at(400, 800))
    expect(watermark.limit()).toBe(479)
  })

  test("is what is closed now if the horizon of the export that is resumed lies ahead", () => {
    const watermark = createWatermark(HORIZON, 10)
    watermark.observe(at(0, 900))
    expect(watermark.limit()).toBe(889)
  })
})
