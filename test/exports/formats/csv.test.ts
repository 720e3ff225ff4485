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

  test("has nothing to send early if the fields that are always first are excluded", async () => {
    const excludeFields = ["email_address", "sms_phone_number", "sms_subscription_status"]
    const input = { ...withMergeFields(async () => usualMergeFields), selection: { excludeFields } }
    const encoder = createCsvEncoder(input)
    expect(encoder.keepAlive()).toHaveLength(0)
    await encoder.ready
    expect(Buffer.concat([encoder.start(), encoder.end()]).toString()).toStartWith("First Name,")

    const other = createCsvEncoder({ ...input, selection: { excludeFields: ["email_address"] } })
    expect(Buffer.from(other.keepAlive()).toString()).toBe("S")
  })

  test("rejects if the merge fields cannot be read", async () => {
    const failure = new Error("no merge fields")
    const encoder = createCsvEncoder(withMergeFields(() => Promise.reject(failure)))
    await expect(encoder.ready).rejects.toBe(failure)
  })
})
