import { describe, expect, test } from "bun:test"
import { AppError } from "../../src/errors.ts"
import { parseSelection } from "../../src/exports/selection.ts"

function errorsOf(run: () => unknown): AppError["errors"] {
  try {
    run()
  } catch (error) {
    if (error instanceof AppError && error.code === "invalid_parameter") return error.errors
    throw error
  }
  return undefined
}

describe("parseSelection()", () => {
  test("selects everything if neither count nor offset is given", () => {
    expect(parseSelection({}).slice).toBeUndefined()
  })

  test("is a slice with either: count alone starts at 0, offset alone reads ten", () => {
    expect(parseSelection({ count: 3 }).slice).toEqual({ offset: 0, count: 3 })
    expect(parseSelection({ offset: 0 }).slice).toEqual({ offset: 0, count: 10 })
    expect(parseSelection({ offset: 7, count: 5 }).slice).toEqual({ offset: 7, count: 5 })
  })

  test("accepts names with and without the prefix, repeated or separated by commas, each once", () => {
    const { fields } = parseSelection({ fields: ["members.id, status", "merge_fields.FNAME,members.status"] })
    expect(fields).toEqual(["id", "status", "merge_fields.FNAME"])
  })

  test.each([
    [["members.id,members.status,total_items,list_id"], ["id", "status"]],
    [["total_items", "members.list_id", "list_id"], ["list_id"]],
    [["email_address,list_id,total_items"], ["email_address", "list_id"]],
  ])("ignores the envelope's fields in Mailchimp's own notation: %j", (given, fields) => {
    expect(parseSelection({ fields: given }).fields).toEqual(fields)
  })

  test("reports errors like every other bad request", () => {
    expect(() => parseSelection({ fields: ["x"] })).toThrow("Invalid parameter: fields")
    expect(() => parseSelection({ fields: ["x"], count: 1, include: "archived" })).toThrow(
      "Invalid parameters: include must not come together with count or offset; fields must not name x",
    )
  })

  test.each([
    "stats.ecommerce_data.total_revenue",
    "location.country_code",
    "email_client",
    "interests",
    "merge_fields.ADDRESS.zip",
    "marketing_permissions.enabled",
    "tags.name",
    "_links.href",
    "interests.9143cf3bd1",
  ])("knows %s", (name) => {
    expect(parseSelection({ exclude_fields: [name] }).excludeFields).toEqual([name])
  })

  test.each([
    [
      "emial_address",
      "must not name emial_address because no member has such a field: did you mean email_address",
    ],
    ["members.Status", "must not name Status because no member has such a field: did you mean status"],
    [
      "stats.open_rate",
      "must not name stats.open_rate because no member has such a field: did you mean stats.avg_open_rate",
    ],
    ["members", "must not name members because no member has such a field"],
    ["lists.id", "must not name lists.id because no member has such a field: did you mean list_id"],
    ["total_items", "must name at least one field of a member"],
    ["interests.", "must not name interests. because no member has such a field: did you mean interests"],
    [
      "interests.9143cf3bd1.name",
      "must not name interests.9143cf3bd1.name because no member has such a field",
    ],
    ["constructor", "must not name constructor because no member has such a field"],
    ["id,", "must name fields of a member, separated by commas"],
    ["", "must name fields of a member, separated by commas"],
  ])("refuses %p by name and suggests the nearest field", (value, reason) => {
    expect(errorsOf(() => parseSelection({ fields: [value] }))).toEqual([{ name: "fields", reason }])
    expect(errorsOf(() => parseSelection({ exclude_fields: [value] }))).toEqual([
      { name: "exclude_fields", reason },
    ])
  })

  test("refuses fields together with exclude_fields, and reports every error", () => {
    const errors = errorsOf(() => parseSelection({ fields: ["nix"], exclude_fields: ["nothing_like_it"] }))
    expect(errors?.map(({ name }) => name)).toEqual(["exclude_fields", "fields", "exclude_fields"])
  })
})
