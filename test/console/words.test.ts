import { expect, test } from "bun:test"
import { accountWords, duration, selectionWords, syncWords } from "../../src/console/words.ts"

const list = (subscribed: number, unsubscribed: number) => ({
  id: "a",
  web_id: null,
  name: "Newsletter",
  member_count: subscribed,
  unsubscribe_count: unsubscribed,
  cleaned_count: 0,
  webhook: false,
})

test("an account is described by what Mailchimp counts in its lists", () => {
  expect(accountWords([])).toBe("No lists yet.")
  const rest = "Mailchimp does not say how many more are pending, non-subscribed or archived."
  expect(accountWords([list(1, 0)])).toBe(`1 list: 1 subscribed. ${rest}`)
  expect(accountWords([list(1700, 20), list(5, 1)])).toBe(
    `2 lists: 1,705 subscribed, 21 unsubscribed. ${rest}`,
  )
})

test("how soon changes arrive depends on the webhooks of the lists", () => {
  const words = (...webhooks: readonly boolean[]) => syncWords(webhooks.map((webhook) => ({ webhook })))
  expect(words(true, true)).toBe("Live changes arrive within seconds, because Mailchimp reports them.")
  expect(words(false)).toMatch(
    /^Live changes arrive within about a minute. To have all within seconds,.*webhook/,
  )
  expect(words(true, false)).toInclude("Those of 1 list arrive within seconds.")
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

test("a selection is told by its names, of which only the first are listed", () => {
  const selection = { lists: ["A", "B"], statuses: ["Subscribed"], fields: [] }
  expect(selectionWords(selection)).toBe("A, B · Subscribed · All fields")
  expect(selectionWords({ ...selection, fields: [..."abcdefg"] })).toEndWith("· a, b, c, d, 3 more")
})
