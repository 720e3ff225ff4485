import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import {
  createFields,
  type Fields,
  fieldAt,
  fieldsOf,
  valueOf,
} from "../../../../src/exports/formats/csv/fields.ts"
import { readRow } from "../../../../src/exports/formats/csv/read-row.ts"
import { isRecord, tryParse } from "../../../../src/mailchimp/members/page-envelope.ts"

/** A member of which the fields of `location` are read, too. */
function createMember(): Fields {
  const member = createFields()
  fieldsOf(fieldAt(member, ["location"]))
  return member
}

/** What was read, or "refused". As JSON, because that has no -0. */
function read(row: Buffer, member = createMember()): unknown {
  const rows = Buffer.concat([Buffer.from('\n{"id":"before"}\n'), row, Buffer.from('\n{"id":"after"}')])
  const start = rows.indexOf(row, 1)
  try {
    return JSON.parse(JSON.stringify(toObject(readRow(rows, start, start + row.length, member), member)))
  } catch (error) {
    expect(error).toMatchObject({ code: "mailchimp_error" })
    return "refused"
  }
}

function toObject(json: Buffer, { present }: Fields): object {
  return Object.fromEntries(
    present.map((field) => [
      field.name,
      field.fields && json[field.start] === 0x7b ? toObject(json, field.fields) : valueOf(json, field),
    ]),
  )
}

function parse(row: Buffer): unknown {
  const value = tryParse(row.toString())
  return isRecord(value) ? JSON.parse(JSON.stringify(value)) : "refused"
}

const keys = fc.constantFrom("id", "location", "latitude", "tags", 'a "b"', "\u2028", "clé")
const value = fc.letrec((tie) => ({
  value: fc.oneof(
    fc.string({ unit: fc.constantFrom(...'";,=+-@\\\r\n\tab1é🌟') }),
    fc.jsonValue({ maxDepth: 2 }),
    fc.dictionary(keys, tie("value")),
  ),
})).value

describe("readRow()", () => {
  test("property: it finds the values that a parser creates, whatever they are", () => {
    const member = createMember()
    fc.assert(
      fc.property(fc.dictionary(keys, value), fc.boolean(), (row, isSpaced) => {
        const json = Buffer.from(
          isSpaced ? JSON.stringify(row, null, 1).replaceAll("\n", " ") : JSON.stringify(row),
        )
        expect(read(json, member)).toEqual(parse(json))
      }),
      { numRuns: 150 },
    )
  })

  test("property: it refuses what a parser refuses, wherever a row is damaged", () => {
    const json = Buffer.from(
      '{"id":"é\\u00e9","location":{"latitude":-0.5,"tags":[true,null]},"tags":[{"name":"a,b"}],"vip":false}',
    )
    for (let position = 0; position < json.length; position += 1) {
      for (const byte of Buffer.from('"\\{}[],:0-.ent x')) {
        const damaged = Buffer.from(json)
        damaged[position] = byte
        expect(read(damaged)).toEqual(parse(damaged))
      }
      const shorter = json.subarray(0, position)
      if (position > 0) expect(read(shorter)).toEqual(parse(shorter))
    }
  })

  test.each([
    ['{"id":"a","id":"b"}', { id: "b" }],
    ['{"location":{"latitude":1},"location":{}}', { location: {} }],
    ['{"location":{"latitude":1,"latitude":2}}', { location: { latitude: 2 } }],
    ['{"\\u0069d":"a"}', { id: "a" }],
    ['{"id":1e3,"tags":[1E400]}', { id: 1000, tags: [null] }],
    [`{"id":${"[".repeat(40)}${"]".repeat(40)},"tags":1}`, expect.objectContaining({ tags: 1 })],
    ["{}", {}],
  ])("reads %s", (row, expected) => {
    expect(read(Buffer.from(row))).toEqual(expected)
  })

  test("keeps nothing of the row before", () => {
    const member = createMember()
    expect(read(Buffer.from('{"id":"a","location":{"latitude":1}}'), member)).toEqual({
      id: "a",
      location: { latitude: 1 },
    })
    expect(read(Buffer.from('{"location":[],"tags":2}'), member)).toEqual({ location: [], tags: 2 })
    expect(fieldAt(member, ["location", "latitude"]).kind).toBe("absent")
    expect(read(Buffer.from("{"), member)).toBe("refused")
    expect(read(Buffer.from('{"tags":3}'), member)).toEqual({ tags: 3 })
  })

  test("finds fields that come and go, and refuses a key that occurs twice, after any row", () => {
    const rows = [
      '{"id":"a","status":"b","location":{"latitude":1,"longitude":2},"tags":3}',
      '{"id":"a","sms":1,"opt":2,"status":"b","location":{"longitude":2,"latitude":1},"tags":3}',
      '{"id":"a","tags":3,"status":"b"}',
      '{"tags":3,"location":"","id":"a"}',
      '{"id":"a","id":"b","tags":4}',
      '{"id":"a","tags":4,"id":"b","status":"c"}',
      "{}",
    ]
    const member = createMember()
    for (const first of rows) {
      for (const second of rows) {
        for (const row of [first, second]) expect(read(Buffer.from(row), member)).toEqual(JSON.parse(row))
        const { tags } = JSON.parse(second)
        expect(member.get("tags").kind).toBe(tags === undefined ? "absent" : "literal")
      }
    }
  })

  test.each([
    ['"ada@example.com"', "text"],
    ['""', "text"],
    ['"\u2028 é 🌟 \'"', "text"],
    ["-5.50", "literal"],
    ["true", "literal"],
    ["null", "null"],
    ['"a,b"', "other"],
    ['"a;b"', "other"],
    ['"a\\nb"', "other"],
    ['"\\"a"', "other"],
    ['"=1"', "text"],
    ['"+1"', "text"],
    ['"-1"', "text"],
    ['"@a"', "text"],
    ['"\uff1d1"', "text"],
    ["[]", "other"],
    ["{}", "other"],
  ] as const)("%s is %s", (value, kind) => {
    const member = createFields()
    const row = Buffer.from(`{"id":${value}}`)
    readRow(row, 0, row.length, member)
    expect(member.get("id").kind).toBe(kind)
  })
})
