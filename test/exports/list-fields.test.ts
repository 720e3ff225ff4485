import { describe, expect, test } from "bun:test"
import { AppError } from "../../src/errors.ts"
import { requireListFields } from "../../src/exports/list-fields.ts"
import { parseSelection } from "../../src/exports/selection.ts"

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
