import { expect, test } from "bun:test"
import { accountWords, duration } from "../../src/console/words.ts"

const list = (webhook: boolean, members = 1000) => ({
  id: "a",
  web_id: null,
  name: "Newsletter",
  member_count: members,
  unsubscribe_count: 0,
  cleaned_count: 0,
  webhook,
})

test("an account is described by its lists, and by how many of them are kept in sync", () => {
  expect(accountWords([])).toBe("No lists yet.")
  expect(accountWords([list(true, 1)])).toBe("1 list with about 1 contact. It is kept in sync.")
  expect(accountWords([list(false)])).toBe("1 list with about 1,000 contacts. It is not kept in sync.")
  const several = (...synced: readonly boolean[]) =>
    accountWords(synced.map((webhook) => list(webhook))).replace(/.*contacts\. /, "")
  expect([
    several(false, false),
    several(true, false),
    several(true, true, false),
    several(true, true),
  ]).toEqual([
    "None of the lists is kept in sync.",
    "1 of the lists is kept in sync.",
    "2 of the lists are kept in sync.",
    "All of the lists are kept in sync.",
  ])
})

test("a duration is told in the unit that a person would use", () => {
  expect([0, 1, 89, 90, 5340, 5400].map(duration)).toEqual([
    "1 second",
    "1 second",
    "89 seconds",
    "2 minutes",
    "89 minutes",
    "2 hours",
  ])
})
