import { describe, expect, test } from "bun:test"
import { AppError } from "../../src/errors.ts"
import { parseSelection, requireListFields, toFieldsQuery } from "../../src/exports/selection.ts"

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
      "Invalid parameters: include, fields",
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
})

describe("requireListFields()", () => {
  const tags: Record<string, string[]> = { a: ["FNAME", "LNAME"], b: ["ADDRESS"] }

  async function check(fields: string[], requested: string[] = []) {
    await requireListFields(parseSelection({ fields }), ["a", "b"], {
      readTags: async (listId) => {
        requested.push(listId)
        return tags[listId] ?? []
      },
      readInterestIds: async (listId) => {
        requested.push(`interests of ${listId}`)
        return [`${listId}1`, `${listId}2`]
      },
    })
    return requested
  }

  test("reads no list if no merge field is named", async () => {
    expect(await check(["merge_fields", "id"])).toEqual([])
  })

  test("accepts a tag of any exported list, and reads no more lists than necessary", async () => {
    expect(await check(["merge_fields.FNAME"])).toEqual(["a"])
    expect(await check(["merge_fields.ADDRESS.zip", "merge_fields.LNAME"])).toEqual(["a", "b"])
  })

  test("reads the tags of all other lists concurrently if one is mistyped", async () => {
    const all = Promise.withResolvers<string[]>()
    const requested: string[] = []
    const checked = requireListFields(
      parseSelection({ fields: ["merge_fields.FNAM"] }),
      ["a", "b", "c", "d"],
      {
        readTags: async (listId) => {
          requested.push(listId)
          return listId === "a" ? [] : all.promise
        },
        readInterestIds: async () => [],
      },
    )
    await Bun.sleep(0)
    expect(requested).toEqual(["a", "b", "c", "d"])
    all.resolve(["FNAME"])
    await expect(checked).rejects.toThrow("Invalid parameter: fields")
  })

  test("reads the interests of all lists concurrently, and only if one is named", async () => {
    expect(await check(["interests", "id"])).toEqual([])
    expect(await check(["interests.b2"])).toEqual(["interests of a", "interests of b"])
    const error = await check(["interests.b2", "interests.b3", "merge_fields.B2"]).catch((error) => error)
    expect(error.errors).toEqual([
      {
        name: "fields",
        reason: "must not name merge_fields.B2 because no member has such a field",
      },
      {
        name: "fields",
        reason: "must not name interests.b3 because no member has such a field: did you mean interests.b1",
      },
    ])
    const excluding = parseSelection({ exclude_fields: ["members.interests.c1"] })
    const readers = { readTags: async () => [], readInterestIds: async () => [] }
    await expect(requireListFields(excluding, ["a"], readers)).rejects.toThrow("exclude_fields")
  })

  test("refuses a tag that no list has", async () => {
    const error = await check(["merge_fields.FNAM", "merge_fields.LNAME", "merge_fields.EMAIL"]).catch(
      (error) => error,
    )
    expect(error).toBeInstanceOf(AppError)
    expect(error.errors).toEqual([
      {
        name: "fields",
        reason:
          "must not name merge_fields.FNAM because no member has such a field: did you mean merge_fields.FNAME",
      },
      { name: "fields", reason: "must not name merge_fields.EMAIL because no member has such a field" },
    ])
  })
})
