import { describe, expect, test } from "bun:test"
import { toFieldsQuery } from "../../src/exports/fields-query.ts"
import { parseSelection, type SelectionInput } from "../../src/exports/selection.ts"

describe("toFieldsQuery()", () => {
  test("excludes only the links if nothing is selected", () => {
    expect(toFieldsQuery(parseSelection({}))).toEqual({
      excludeFields: ["members._links", "_links"],
      without: [],
    })
  })

  test("always requests id and last_changed, and has them removed again", () => {
    expect(toFieldsQuery(parseSelection({ fields: ["merge_fields.FNAME"] }))).toEqual({
      fields: ["members.id", "members.last_changed", "members.merge_fields.FNAME", "total_items"],
      without: ["id", "last_changed"],
    })
    expect(toFieldsQuery(parseSelection({ fields: ["id"] })).without).toEqual(["last_changed"])
    expect(toFieldsQuery(parseSelection({ fields: ["last_changed", "id"] })).without).toEqual([])
    expect(toFieldsQuery(parseSelection({ exclude_fields: ["id", "email_address"] }))).toEqual({
      excludeFields: ["members._links", "members.email_address", "_links"],
      without: ["id"],
    })
    expect(toFieldsQuery(parseSelection({ exclude_fields: ["last_changed"] })).without).toEqual([
      "last_changed",
    ])
  })

  test("includes the links only if they are named", () => {
    expect(toFieldsQuery(parseSelection({ fields: ["_links"] })).fields).toContain("members._links")
    expect(toFieldsQuery(parseSelection({ exclude_fields: ["_links"] })).excludeFields).toEqual([
      "members._links",
      "_links",
    ])
  })

  test("requests only what cells are made of, and has nothing removed because other fields are not written", () => {
    const query = (input: SelectionInput) =>
      toFieldsQuery(parseSelection(input), ["email_address", "tags.name"])
    expect(query({})).toEqual({
      fields: [
        "members.id",
        "members.last_changed",
        "members.email_address",
        "members.tags.name",
        "total_items",
      ],
      without: [],
    })
    expect(query({ fields: ["status"] })).toEqual({
      fields: ["members.id", "members.last_changed", "members.status", "total_items"],
      without: [],
    })
  })

  test("excludes fields at Mailchimp, but not the list of a row, which decides about its columns", () => {
    const selection = parseSelection({ exclude_fields: ["merge_fields.FNAME", "id", "list_id"] })
    expect(toFieldsQuery(selection, ["email_address"])).toEqual({
      excludeFields: ["members._links", "members.merge_fields.FNAME", "_links"],
      without: [],
    })
  })
})
