import { expect, test } from "bun:test"
import { until } from "./until.ts"

test("until() resolves once the condition holds", async () => {
  let polls = 0
  await until("a third poll", async () => (polls += 1) === 3)
  expect(polls).toBe(3)
})

test("until() ends a wait in vain with a sentence", async () => {
  const waiting = until("a miracle", () => false, { withinS: 0.01 })
  await expect(waiting).rejects.toThrow("a miracle did not happen within 0.01 s")
})
