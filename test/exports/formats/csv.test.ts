import { describe, expect, test } from "bun:test"
import { createCsvEncoder } from "../../../src/exports/formats/csv.ts"
import type { EncoderInput } from "../../../src/exports/formats/format.ts"
import { plainInput, usualMergeFields } from "../../support/csv-lists.ts"

const row = Buffer.from('\n{"email_address":"a@b.c","list_id":"a","merge_fields":{"FNAME":"Ada"}}')

function withMergeFields(readMergeFields: EncoderInput["readers"]["readMergeFields"]): EncoderInput {
  const lists = [{ id: "a", name: "A" }]
  return { ...plainInput, lists, readers: { ...plainInput.readers, readMergeFields } }
}

describe("createCsvEncoder()", () => {
  test("knows the columns of selected fields at once", () => {
    const selection = { fields: ["merge_fields.FNAME", "email_address"] }
    const encoder = createCsvEncoder({ ...plainInput, selection })
    expect(encoder.ready).toBeUndefined()
    const text = Buffer.concat([encoder.start(), encoder.rows(row), encoder.end()]).toString()
    expect(text).toBe("merge_fields.FNAME,email_address\r\nAda,a@b.c\r\n")
  })

  test("sends the first name in pieces until the merge fields are read, and the whole file in the end", async () => {
    const { promise, resolve } = Promise.withResolvers<typeof usualMergeFields>()
    const encoder = createCsvEncoder(withMergeFields(() => promise))
    const pieces = Array.from({ length: 5 }, () => encoder.keepAlive())
    expect(Buffer.concat(pieces).toString()).toBe("Email")
    resolve(usualMergeFields)
    await encoder.ready
    const text = Buffer.concat([
      ...pieces,
      encoder.start(),
      encoder.rows(row),
      encoder.keepAlive(),
      encoder.end(),
    ]).toString()
    expect(text).toStartWith("Email Address,SMS Phone Number,SMS_MARKETING_STATUS,First Name,Last Name,")
    expect(text).toContain("\r\na@b.c,,,Ada,")
    expect(text.split("\r\n")).toHaveLength(3)
  })

  test("begins with a quote if the fields that are always first are excluded, whether it was sent early or not", async () => {
    const excludeFields = ["email_address", "sms_phone_number", "sms_subscription_status"]
    const input = { ...withMergeFields(async () => usualMergeFields), selection: { excludeFields } }
    for (const pieces of [0, 1, 2]) {
      const encoder = createCsvEncoder(input)
      const early = Array.from({ length: pieces }, () => encoder.keepAlive())
      await encoder.ready
      const text = Buffer.concat([...early, encoder.start(), encoder.end()]).toString()
      expect(text).toStartWith('"First Name",Last Name,')
    }
    const label = 'The "first", name'
    const fields = [{ tag: "FNAME", name: label, type: "text" }]
    const quoted = createCsvEncoder({ ...withMergeFields(async () => fields), selection: { excludeFields } })
    await quoted.ready
    expect(Buffer.concat([quoted.start(), quoted.end()]).toString()).toStartWith(
      '"The ""first"", name",MEMBER_',
    )

    const fixed = [...excludeFields, "merge_fields", "interests"]
    const known = createCsvEncoder({ ...input, selection: { excludeFields: fixed } })
    expect(Buffer.from(known.keepAlive()).toString()).toBe("M")

    const other = createCsvEncoder({ ...input, selection: { excludeFields: ["email_address"] } })
    expect(Buffer.from(other.keepAlive()).toString()).toBe("S")
  })

  test("rejects if the merge fields cannot be read", async () => {
    const failure = new Error("no merge fields")
    const encoder = createCsvEncoder(withMergeFields(() => Promise.reject(failure)))
    await expect(encoder.ready).rejects.toBe(failure)
  })
})
