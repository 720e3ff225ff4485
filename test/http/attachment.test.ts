import { expect, test } from "bun:test"
import { toAttachment } from "../../src/http/attachment.ts"

test("toAttachment() names the lists, the day in UTC and the format", () => {
  const now = Date.parse("2026-02-01T00:30:00+01:00")
  expect(toAttachment(["a1-b_c"], ".csv", now)).toBe(
    'attachment; filename="mailchimp_members_a1-b_c_2026-01-31.csv"',
  )
  expect(toAttachment(["a", "b"], ".ndjson", now)).toContain("mailchimp_members_2_lists_2026-01-31.ndjson")
  expect(toAttachment(undefined, ".json", now)).toContain("mailchimp_members_all_lists_2026-01-31.json")
})
