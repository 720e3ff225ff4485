import { expect, test } from "bun:test"
import { describeReseal } from "../../src/storage/reseal-report.ts"

const counts = { current: 3, resealed: 2, changedMeanwhile: 0, notOpened: new Map<string, number>() }

test("a report says how many tokens and secrets were sealed, and what needs which key", () => {
  const done = describeReseal(
    { tokens: counts, signingSecrets: counts, jobCursors: new Map([["k1", 4]]) },
    "k2",
  )
  expect(done.needsOlderKeys).toBe(false)
  expect(done.lines).toEqual([
    "tokens: 5 are sealed with key k2, 2 of them by this run",
    "signing secrets of webhooks: 5 are sealed with key k2, 2 of them by this run",
    "cursors of jobs: 4 need key k1 until their jobs are purged",
    expect.stringContaining("a cursor does not expire"),
  ])
})

test("an older key must be kept while a token cannot be opened, or changed meanwhile", () => {
  for (const open of [
    { ...counts, changedMeanwhile: 1 },
    { ...counts, notOpened: new Map([["k1", 1]]) },
  ]) {
    const { lines, needsOlderKeys } = describeReseal(
      { tokens: open, signingSecrets: counts, jobCursors: new Map() },
      "k2",
    )
    expect(needsOlderKeys).toBe(true)
    expect(lines.join("\n")).toMatch(/tokens: 1 (changed meanwhile|cannot be opened, sealed with key k1)/)
    expect(lines.at(-1)).toStartWith("Keep every older key")
  }
})
