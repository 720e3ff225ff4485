import { createHash } from "node:crypto"
import { expect, test } from "bun:test"
import { parseDelivery } from "../../src/webhooks/delivery.ts"

const md5 = (text: string) => createHash("md5").update(text).digest("hex")
const parse = (form: string) => parseDelivery(new TextEncoder().encode(form))
const formOf = (fields: Record<string, string>) => new URLSearchParams(fields).toString()

test.each([
  [{ type: "subscribe" }, "subscribe"],
  [{ type: "profile" }, "profile"],
  [{ type: "cleaned" }, "cleaned"],
  [{ type: "unsubscribe", "data[action]": "unsub" }, "unsubscribe"],
  [{ type: "unsubscribe", "data[action]": "delete" }, "delete"],
  [{ type: "unsubscribe" }, "unsubscribe_or_delete"],
  [{ type: "unsubscribe", "data[action]": "archive" }, "unsubscribe_or_delete"],
  [{ type: "sms_subscribe" }, "other"],
  [{ type: "delete" }, "other"],
  [{ type: "toString" }, "other"],
  [{}, "other"],
] as const)("the kind of %p is %s", (fields, kind) => {
  const form = formOf({ ...fields, "data[email]": "Ada@Example.com", "data[list_id]": "f6a7b8c9d0" })
  expect(parse(form)).toEqual({ kind, memberId: md5("ada@example.com") })
})

test("a change of the address has the ids of both addresses, never data[new_id]", () => {
  const form = formOf({
    type: "upemail",
    "data[new_id]": "12ab34cd56",
    "data[new_email]": "New@example.com",
    "data[old_email]": "OLD@example.com",
  })
  expect(parse(form)).toEqual({
    kind: "upemail",
    memberId: md5("old@example.com"),
    newMemberId: md5("new@example.com"),
  })
})

test.each(["", "no address", `${"a".repeat(320)}@example.com`, "gone.1@forgotten.mailchimp.com"])(
  "an address that no member can have is none: %p",
  (address) => {
    expect(parse(formOf({ type: "profile", "data[email]": address })).memberId).toBeUndefined()
    expect(parse(formOf({ type: "profile" })).memberId).toBeUndefined()
  },
)

test("the address of a person who was forgotten is no member, but the old address is", () => {
  const form = formOf({
    type: "upemail",
    "data[new_email]": "1@forgotten.mailchimp.com",
    "data[old_email]": "a@example.com",
  })
  expect(parse(form)).toEqual({ kind: "upemail", memberId: md5("a@example.com"), newMemberId: undefined })
})

test("data[id] and merges of the same name are not taken for the address", () => {
  const form = formOf({
    type: "profile",
    "data[id]": "8a25ff1d98",
    "data[merges][email]": "merge@example.com",
    "data[email][x]": "deep@example.com",
    "data[email]": "a@example.com",
  })
  expect(parse(form).memberId).toBe(md5("a@example.com"))
})

test("of a repeated field the first counts, and fields after the 200th are not read", () => {
  const many = Array.from({ length: 199 }, (_, index) => `data[merges][M${index}]=x`).join("&")
  expect(parse(`type=profile&data[email]=a@example.com&data[email]=b@example.com`).memberId).toBe(
    md5("a@example.com"),
  )
  expect(parse(`${many}&type=profile`).kind).toBe("profile")
  expect(parse(`${many}&x=y&type=profile`).kind).toBe("other")
})

test.each([
  "%",
  "%E0%A4%A",
  "=&=&&",
  "type[]=profile",
  "__proto__[type]=profile",
  "\u0000",
  '{"type":"profile"}',
  `data${"[a]".repeat(5000)}=1`,
])("a form that cannot be read is a hint of kind other: %p", (form) => {
  expect(parse(form)).toEqual({ kind: "other", memberId: undefined })
})
