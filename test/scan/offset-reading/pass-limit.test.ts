import { describe, expect, test } from "bun:test"
import { createPassLimit } from "../../../src/scan/offset-reading/pass-limit.ts"

describe("createPassLimit()", () => {
  test("is reached after three passes in vain", () => {
    const limit = createPassLimit()
    const passes = [3, 2, 2, 2, 2].map((missing) => limit.isReached({ total: 9, missing }, 1))
    expect(passes).toEqual([false, false, false, false, true])
  })

  test("is not reached while the count changes or fewer rows are missing, up to twenty requests for each page", () => {
    const limit = createPassLimit()
    for (let pass = 1; pass < 20; pass += 1)
      expect(limit.isReached({ total: 9 + (pass % 2), missing: 2 }, pass)).toBe(false)
    expect(limit.isReached({ total: 9, missing: 1 }, 20)).toBe(true)
  })
})
