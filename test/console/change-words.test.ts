import { expect, test } from "bun:test"
import { createChangeCounts, deletedWord, wordOf } from "../../src/console/change-words.ts"

const sinceMs = Date.parse("2026-11-01T00:00:00Z")
const later = "2026-11-01T00:00:05+00:00"
const earlier = "2026-10-31T23:59:59+00:00"

test("a member is new if they signed up later, and were not there before", () => {
  expect(wordOf({ timestamp_opt: later }, sinceMs, false)).toBe("New")
  expect(wordOf({ timestamp_signup: later, timestamp_opt: "" }, sinceMs, false)).toBe("New")
  expect(wordOf({ timestamp_opt: later }, sinceMs, true)).toBe("Changed")
  expect(wordOf({ timestamp_signup: "", timestamp_opt: earlier }, sinceMs, false)).toBe("Changed")
  expect(wordOf({}, sinceMs, false)).toBe("Changed")
})

test("changes are counted by their kind", () => {
  const counts = createChangeCounts()
  expect(counts.words()).toBe("no changes so far")
  counts.add("Changed")
  counts.add(deletedWord({ reason: "member_deleted" }))
  counts.add("Changed")
  counts.add(deletedWord({ reason: "address_changed" }))
  expect(counts.words()).toBe("2 changed, 1 deleted, 1 address changed")
})
