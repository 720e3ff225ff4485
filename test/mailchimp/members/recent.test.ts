import { expect, test } from "bun:test"
import { createRecent } from "../../../src/mailchimp/members/recent.ts"

test("createRecent() keeps the most recently used values, and creates dropped values anew", () => {
  const recent = createRecent<string>(2)
  let made = 0
  const get = (key: string) => recent.get(key, () => `${key}${++made}`)
  expect([get("a"), get("b"), get("a"), get("c")]).toEqual(["a1", "b2", "a1", "c3"])
  // "b" was the least recently used when "c" was added.
  expect([get("a"), get("c"), get("b"), get("a")]).toEqual(["a1", "c3", "b4", "a5"])
})
