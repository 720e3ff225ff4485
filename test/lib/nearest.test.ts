import { describe, expect, test } from "bun:test"
import { nearest } from "../../src/lib/nearest.ts"

const names = ["email_address", "email_type", "status", "stats", "id"]

describe("nearest()", () => {
  test.each([
    ["emial_address", "email_address"],
    ["email_adress", "email_address"],
    ["STATUS", "status"],
    ["stat", "stats"],
    ["email-type", "email_type"],
  ])("takes %s for %s", (name, expected) => {
    expect(nearest(name, names)).toBe(expected)
  })

  test("is undefined if nothing is near", () => {
    expect(nearest("constructor", names)).toBeUndefined()
    expect(nearest("status", [])).toBeUndefined()
  })
})
