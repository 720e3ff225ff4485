import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { type JoinedRows, joinRows } from "../../../src/mailchimp/members/joined-members.ts"
import { MalformedPage } from "../../../src/mailchimp/members/malformed-page.ts"
import { withoutKeys } from "../../../src/mailchimp/members/without-keys.ts"

const scanned = ["id", "last_changed"]
const name = fc.constantFrom(
  "id",
  "last_changed",
  "",
  "a",
  "\\",
  '"',
  "é",
  '{"id":"',
  "ids",
  "ID",
  "last_change",
)
const text = fc.oneof(
  name,
  fc.string({ unit: "binary" }),
  fc.constantFrom('"last_changed":"', '},{"id":"', "}]"),
)
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    text,
    fc.constantFrom(null, true, 0, -1.5e300),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.oneof(name, text), tie("value"), { maxKeys: 3 }),
  ),
}))
const row = fc.dictionary(fc.oneof(name, text), value, { maxKeys: 8, noNullPrototype: true })
const keys = fc.subarray(scanned, { minLength: 1 })

const md5 = "0123456789abcdef0123456789abcdef"
const date = "2026-01-31T08:00:00+00:00"
const usualRow = fc
  .tuple(
    row,
    row,
    fc.constantFrom(md5, md5, `${md5.slice(2)}"`),
    fc.constantFrom(date, date, "", 'x"'.repeat(9)),
  )
  .map(([before, after, id, changed]) => ({ id, ...before, last_changed: changed, ...after }))

/** As `JSON.stringify` writes it, or with every character of its keys escaped, or with spaces. */
const spelling = fc.constantFrom<(row: Record<string, unknown>) => string>(
  (row) => JSON.stringify(row),
  (row) => entries(row, (key) => `"${escaped(key)}":`, ","),
  (row) => ` ${entries(row, (key) => `${JSON.stringify(key)} : `, " , ")} `.trim(),
)

function entries(row: Record<string, unknown>, key: (name: string) => string, comma: string): string {
  return `{${Object.entries(row)
    .map(([name, value]) => key(name) + JSON.stringify(value))
    .join(comma)}}`
}

function escaped(text: string): string {
  return Array.from(
    { length: text.length },
    (_, index) => `\\u${text.charCodeAt(index).toString(16).padStart(4, "0")}`,
  ).join("")
}

/** The row without the keys, according to `JSON.parse`. */
function parsedWithout(row: string, keys: readonly string[]): [string, unknown][] {
  return Object.entries(JSON.parse(row)).filter(([key]) => !keys.includes(key))
}

function linesOf({ joined, boundaries }: JoinedRows): string[] {
  return boundaries.slice(1).map((end, index) => {
    const start = boundaries[index] ?? 0
    expect(joined[start]).toBe(0x0a)
    return joined.toString("utf8", start + 1, end)
  })
}

function leaveOut(rows: readonly string[], keys: readonly string[]): string[] {
  return linesOf(withoutKeys(joinRows(rows.map((row) => Buffer.from(row))), keys))
}

describe("withoutKeys()", () => {
  test("agrees with JSON.parse, in the same bytes, wherever the keys are and whatever the values contain", () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 5 }), keys, (rows, keys) => {
        const sent = rows.map((row) => JSON.stringify(row))
        expect(leaveOut(sent, keys)).toEqual(
          sent.map((row) => JSON.stringify(Object.fromEntries(parsedWithout(row, keys)))),
        )
      }),
      { numRuns: 1000 },
    )
  })

  test("agrees with JSON.parse for rows in any spelling, and keeps the spelling", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(row, spelling), { maxLength: 5 }), keys, (rows, keys) => {
        const sent = rows.map(([row, spell]) => spell(row))
        expect(leaveOut(sent, keys).map((row) => Object.entries(JSON.parse(row)))).toEqual(
          sent.map((row) => parsedWithout(row, keys)),
        )
      }),
      { numRuns: 1000 },
    )
  })

  test("agrees with JSON.parse for rows with the usual beginning and date, wherever the date is", () => {
    fc.assert(
      fc.property(fc.array(usualRow, { maxLength: 5 }), keys, (rows, keys) => {
        const sent = rows.map((row) => JSON.stringify(row))
        expect(leaveOut(sent, keys)).toEqual(
          sent.map((row) => JSON.stringify(Object.fromEntries(parsedWithout(row, keys)))),
        )
      }),
      { numRuns: 2000 },
    )
  })

  test.each([
    ["last", `{"id":"${md5}","n":1,"last_changed":"${date}"}`, '{"n":1}'],
    ["alone with an id", `{"id":"${md5}","last_changed":"${date}"}`, "{}"],
    ["after an id, before others", `{"id":"${md5}","last_changed":"${date}","n":1}`, '{"n":1}'],
    [
      "only in an object, which ends the row",
      `{"id":"${md5}","o":{"n":1,"last_changed":"${date}"}}`,
      `{"o":{"n":1,"last_changed":"${date}"}}`,
    ],
    [
      "only in an object, before others",
      `{"id":"${md5}","o":{"n":1,"last_changed":"${date}"},"n":1}`,
      `{"o":{"n":1,"last_changed":"${date}"},"n":1}`,
    ],
    [
      "in the row and in an object before it",
      `{"id":"${md5}","o":{"n":1,"last_changed":"${date}"},"last_changed":"${date}","n":1}`,
      `{"o":{"n":1,"last_changed":"${date}"},"n":1}`,
    ],
    [
      "present twice",
      `{"id":"${md5}","last_changed":"${date}","n":1,"last_changed":"${date}","m":1}`,
      '{"n":1,"m":1}',
    ],
    [
      "in a string",
      `{"id":"${md5}","n":",\\"last_changed\\":\\"${date}\\"}"}`,
      `{"n":",\\"last_changed\\":\\"${date}\\"}"}`,
    ],
    [
      "25 characters, but not a date",
      `{"id":"${md5}","n":1,"last_changed":"${"\\\\".repeat(12)}x"}`,
      '{"n":1}',
    ],
    [
      "24 characters and an escaped quote",
      `{"id":"${md5}","n":1,"last_changed":"${"x".repeat(23)}\\"\\"}"}`,
      '{"n":1}',
    ],
    [
      "next to an id of 2 characters, 32 bytes before another quote",
      `{"id":"ab","${"n".repeat(27)}":"","m":1,"last_changed":"${date}"}`,
      `{"${"n".repeat(27)}":"","m":1}`,
    ],
  ])("handles a date that is %s", (_, row, left) => {
    const other = `{"id":"${md5}","n":1,"last_changed":"${date}","m":"}"}`
    const rest = '{"n":1,"m":"}"}'
    expect(leaveOut([other, row, other, row], scanned)).toEqual([rest, left, rest, left])
  })

  test.each([
    ['{"id":"a","n":1.0,"last_changed":"b","s":"\\u00e9\\/"}', '{"n":1.0,"s":"\\u00e9\\/"}'],
    ['{"last_changed":"b","n":1E2,"id":"a"}', '{"n":1E2}'],
    ['{"n":12345678901234567890,"id":null,"last_changed":null}', '{"n":12345678901234567890}'],
    ['{"id":{"id":["}"]},"last_changed":[]}', "{}"],
    ['{"id":1,"id":2,"n":1,"id":3}', '{"n":1}'],
    ['{"\\u0069d":1,"n": 1.0}', '{"n": 1.0}'],
    ['{ "n" : 1.0 , "id" : "a" }', '{"n" : 1.0}'],
    ["{}", "{}"],
    ["{ }", "{}"],
  ])("keeps the other entries of %s", (row, left) => {
    const other = '{"id":"c","o":[1]}'
    expect(leaveOut([row, other, row], scanned)).toEqual([left, '{"o":[1]}', left])
  })

  test("ignores the bytes before the first row", () => {
    const json = Buffer.from('{"members":\n{"id":"a","n":1}\n{"n":2,"last_changed":""}],"total_items":2}')
    const first = json.indexOf("\n")
    const second = json.indexOf("\n", first + 1)
    const rows = { joined: json, boundaries: [first, second, json.indexOf("]")] }
    expect(linesOf(withoutKeys(rows, scanned))).toEqual(['{"n":1}', '{"n":2}'])
  })

  test.each([
    ["not an object", "7"],
    ["an array", '["id"]'],
    ["truncated", '{"id":"a","n":{"m":1}'],
    ["truncated in a string", '{"id":"a","n":"m}'],
    ["ended twice", '{"id":"a"}}'],
    ["ended by another bracket", `{"id":"${md5}","n":1,"last_changed":"${date}"]`],
    ["followed by more", '{"id":"a"},7'],
    ["without a quote that ends a value", '{"id":"a","n":"m,"last_changed":""}'],
    ["without a quote that begins a key", '{"id":"a",n":"m","last_changed":""}'],
    ["without a colon", '{"id":"a","n""m"}'],
    ["without a bracket", '{"id":"a","n":[{"m":1},"last_changed":""}'],
    ["with a bracket too many", '{"id":"a","n":1],"last_changed":""}'],
    ["with a key that is not JSON", '{"id":"a","\\x":1}'],
    ["with a control character in a key", '{"id":"a","\u0001":1}'],
  ])("refuses a page with a row between others that is %s", (_, row) => {
    const other = '{"id":"c","o":1}'
    expect(() => leaveOut([other, row, other], scanned)).toThrow(MalformedPage)
  })
})
