import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { arrayValues, compact, objectEntries } from "../../../src/mailchimp/members/json-bytes.ts"

const space = fc.constantFrom(0, 1, "\t")
const text = (bytes: Uint8Array, { start, end }: { start: number; end: number }) =>
  Buffer.from(bytes.subarray(start, end)).toString()

describe("arrayValues()", () => {
  test("finds every value of an array, however it is spelled", () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), space, (values, space) => {
        const bytes = Buffer.from(JSON.stringify(values, null, space))
        expect(arrayValues(bytes, 0).map((span) => JSON.stringify(JSON.parse(text(bytes, span))))).toEqual(
          values.map((value) => JSON.stringify(value)),
        )
      }),
    )
  })
})

describe("objectEntries()", () => {
  test("finds every entry of an object, however it is spelled", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue()), space, (object, space) => {
        const bytes = Buffer.from(JSON.stringify(object, null, space))
        const entries = objectEntries(bytes, 0)
        expect(
          entries.map(({ key, value }) => [key, JSON.stringify(JSON.parse(text(bytes, value)))]),
        ).toEqual(Object.entries(object).map(([key, value]) => [key, JSON.stringify(value)]))
        for (const { key, entry } of entries)
          expect(Object.keys(JSON.parse(`{${text(bytes, entry)}}`))).toEqual([key])
      }),
    )
  })

  test("reads a key with escapes", () => {
    expect(objectEntries(Buffer.from(String.raw`{"\u0069d" : 1}`), 0).map(({ key }) => key)).toEqual(["id"])
  })
})

describe("compact()", () => {
  test("drops white space between tokens, but not within a string", () => {
    fc.assert(
      fc.property(fc.jsonValue(), space, (value, space) => {
        const bytes = Buffer.from(JSON.stringify(value, null, space))
        const compacted = compact(bytes, { start: 0, end: bytes.length })
        expect(Buffer.from(compacted).toString()).toBe(JSON.stringify(value))
      }),
    )
  })
})
