import { expect, test } from "bun:test"
import { estimateOf } from "../../src/console/list-size.ts"

const list = {
  id: "a",
  web_id: null,
  name: "Newsletter",
  member_count: 100,
  unsubscribe_count: 20,
  cleaned_count: 3,
  webhook: false,
}

test("the size of an export is estimated from what Mailchimp counts, and is unknown with archived members", () => {
  expect(estimateOf([list, list], {})).toBe(246)
  expect(estimateOf([list], { status: ["subscribed", "pending"] })).toBe(100)
  expect(estimateOf([list], { status: "cleaned" })).toBe(3)
  expect(estimateOf([list], { status: ["unsubscribed", "archived"] })).toBe(0)
  expect(estimateOf([list], { include: "archived" })).toBe(0)
})
