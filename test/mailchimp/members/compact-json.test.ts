import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { compactObjectEnd } from "../../../src/mailchimp/members/compact-json.ts"

const isJson = (text: string) => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
const isWhole = (text: string) => {
  const bytes = Buffer.from(text)
  return bytes.length > 0 && compactObjectEnd(bytes, 0) === bytes.length
}
const object = fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue({ maxDepth: 4 }), { maxKeys: 6 })

describe("compactObjectEnd()", () => {
  test("finds the end of any object of JSON.stringify, whatever comes before and after", () => {
    fc.assert(
      fc.property(object, fc.string(), fc.string(), (value, before, after) => {
        const text = JSON.stringify(value)
        fc.pre(!/\d[eE]/.test(text))
        const start = Buffer.byteLength(before)
        const end = start + Buffer.byteLength(text)
        expect(compactObjectEnd(Buffer.from(before + text + after), start)).toBe(end)
      }),
      { numRuns: 1000 },
    )
  })

  test("accepts nothing that JSON.parse refuses: a byte was replaced, removed or added", () => {
    const byte = fc.constantFrom(...'"\\{}[]:,.-+0123456789eEtfnu/ \n\u0001aF')
    fc.assert(
      fc.property(object, fc.nat(), byte, fc.constantFrom(0, 1), (value, position, byte, removed) => {
        const text = JSON.stringify(value)
        const at = position % (text.length + 1)
        const changed = text.slice(0, at) + byte + text.slice(at + removed)
        const truncated = text.slice(0, at)
        for (const other of [changed, truncated]) if (isWhole(other)) expect(isJson(other)).toBe(true)
      }),
      { numRuns: 5000 },
    )
  })

  test.each([
    "{}",
    '{"":""}',
    '{"a":[],"b":{},"c":[1,[2],{}]}',
    '{"a":-0,"b":0.5,"c":10,"d":-1.25}',
    '{"a":true,"b":false,"c":null}',
    String.raw`{"a":"\"\\\/\b\f\n\r\t\u00e9\uD83D"}`,
    '{"é":"\u2028\u007f"}',
  ])("accepts %s", (text) => {
    expect([isWhole(text), isJson(text)]).toEqual([true, true])
  })

  test.each([
    "",
    "{",
    "[]",
    "7",
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{,"a":1}',
    '{"a":1]',
    '{"a":[1}',
    '{"a":[1,]}',
    '{"a":01}',
    '{"a":1.}',
    '{"a":.5}',
    '{"a":-}',
    '{"a":+1}',
    '{"a":tru}',
    '{"a":nulll}',
    '{"a":"\n"}',
    '{"a\u0001":1}',
    '{"a":"b}',
    '{"a":"b\\"}',
    String.raw`{"a":"\x"}`,
    String.raw`{"a":"\u00g0"}`,
    String.raw`{"a":"\u00"}`,
    "{a:1}",
    "{'a':1}",
    '{1:"a"}',
    '{"a":"b""c":1}',
  ])("refuses %s", (text) => {
    expect([isWhole(text), isJson(text) && text.startsWith("{")]).toEqual([false, false])
  })

  test.each(['{ "a":1}', '{"a":1e3}', `{"a":${"[".repeat(40)}${"]".repeat(40)}}`])(
    "leaves %s to a parser",
    (text) => {
      expect([isWhole(text), isJson(text)]).toEqual([false, true])
    },
  )
})
