import { describe, expect, test } from "bun:test"
import { splitMembers } from "../../../src/mailchimp/members/split-members.ts"

function split(rows: readonly string[], without: readonly string[] = []) {
  const body = `{"members":[${rows.join(",")}],"list_id":"a","total_items":${rows.length}}`
  return splitMembers(Buffer.from(body), { count: 10, offset: 0, without })
}
const id = (digit: string) => digit.repeat(32)
const row = (digit: string, rest: string) =>
  `{"id":"${id(digit)}","email_address":"a@b.c",${rest},"last_changed":"2024-05-01T12:00:00+00:00"}`

describe("the status of a row", () => {
  test.each([
    ["as Mailchimp writes it", '"status":"cleaned"', "cleaned"],
    ["before another status", '"status":"cleaned","sms_subscription_status":"subscribed"', "cleaned"],
    ["after a nested one", '"more":{"status":"pending"},"status":"cleaned"', "cleaned"],
    ["quoted in a text", String.raw`"note":"\"status\":\"pending\"","status":"cleaned"`, "cleaned"],
    ["with white space", '"status" : "cleaned"', "cleaned"],
    ["escaped", String.raw`"status":"clean\u0065d"`, "cleaned"],
    ["not a text", '"status":5', undefined],
    ["missing", '"vip":true', undefined],
    ["nested alone", '"more":{"vip":{"status":5}}', undefined],
  ])("%s", (_name, rest, status) => {
    const rows = split([row("a", '"status":"subscribed"'), row("b", rest), row("c", '"status":"subscribed"')])
    expect([0, 1, 2].map(rows.status)).toEqual(["subscribed", status, "subscribed"])
  })

  test("is known, and tells two versions apart, although it is removed from the rows", () => {
    const [one, other] = ["subscribed", "cleaned"].map((status) =>
      split([row("a", `"status":"${status}"`)], ["status"]),
    )
    expect(one?.bytes(0, 1).toString()).toBe(other?.bytes(0, 1).toString() ?? "")
    expect(Buffer.from(one?.bytes(0, 1) ?? "").toString()).not.toContain("status")
    expect(one?.status(0)).toBe("subscribed")
    expect(one?.fingerprint(0)).not.toBe(other?.fingerprint(0) ?? 0)
  })
})
