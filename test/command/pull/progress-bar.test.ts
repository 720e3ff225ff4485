import { expect, test } from "bun:test"
import { fit, progressBar } from "../../../src/command/pull/progress-bar.ts"

const shown = { rows: 12_345, estimate: 49_380, rate: 1000, waitingFor: undefined }

test("progressBar() shows how far, how fast and how long, with a bar that fills what is left", () => {
  const text = progressBar(shown, 100)
  expect(text).toBe(`${"█".repeat(8)}${"░".repeat(22)}  25%  12,345 of about 49,380  1,000/s  0:38 left`)
  expect(progressBar({ ...shown, waitingFor: "rate_limit" }, 120)).toEndWith(
    "waits for Mailchimp's rate limit",
  )
  expect(progressBar({ ...shown, estimate: 9_000_000 }, 0)).toEndWith("2:29:48 left")
})

test("progressBar() without an estimate counts, and is whole if there are more members than estimated", () => {
  expect(progressBar({ ...shown, estimate: 0 }, 80)).toBe("12,345 members  1,000/s")
  expect(progressBar({ ...shown, estimate: 10 }, 0)).toBe("100%  12,345 of about 10  1,000/s")
})

test("progressBar() never exceeds the width, and leaves out the least useful parts first", () => {
  for (let width = 1; width < 130; width += 1)
    for (const waitingFor of [undefined, "permit", "rate_limit", "mailchimp"] as const) {
      const text = progressBar({ ...shown, waitingFor }, width)
      expect(text.length).toBeLessThanOrEqual(width)
    }
  expect(progressBar(shown, 19)).toBe("25%  12,345")
  expect(progressBar(shown, 5)).toBe("25%")
})

test("fit() cuts what does not fit", () => {
  expect(fit("abc", 2)).toBe("ab")
  expect(fit("abc", 0)).toBe("")
})
