import { expect, test } from "bun:test"
import { createRecent } from "../../../src/mailchimp/members/recent.ts"

test("createRecent() keeps what was used last, and makes anew what it has forgotten", () => {
  const recent = createRecent<string>(2)
  let made = 0
  const get = (key: string) => recent.get(key, () => `${key}${++made}`)
  expect([get("a"), get("b"), get("a"), get("c")]).toEqual(["a1", "b2", "a1", "c3"])
  // "b" was not used for longest when "c" came.
  expect([get("a"), get("c"), get("b"), get("a")]).toEqual(["a1", "c3", "b4", "a5"])
})
