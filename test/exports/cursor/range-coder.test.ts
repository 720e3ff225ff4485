import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { type Coder, createDecoder, createEncoder } from "../../../src/exports/cursor/range-coder.ts"

const name = fc.constantFrom("a", "b")
const value = fc.oneof(
  fc.record({ type: fc.constant("flag"), name, value: fc.boolean(), context: fc.nat(3) }),
  fc.record({ type: fc.constant("number"), name, value: fc.oneof(fc.nat(), fc.maxSafeNat(), fc.nat(3)) }),
  fc.record({ type: fc.constant("text"), name, value: fc.string({ unit: "grapheme", maxLength: 300 }) }),
)
type Value = typeof value extends fc.Arbitrary<infer T> ? T : never

/** Codes the values, or blanks in their place, because a decoder needs only their types. */
function codeAll(coder: Coder, values: readonly Value[], isBlank: boolean) {
  return values.map((given) => {
    if ("context" in given) return coder.flag(given.name, isBlank ? false : given.value, given.context)
    if (typeof given.value === "number") return coder.number(given.name, isBlank ? 0 : given.value)
    return coder.text(given.name, isBlank ? "" : given.value)
  })
}

function encode(values: readonly Value[]): Uint8Array {
  const encoder = createEncoder()
  codeAll(encoder, values, false)
  return encoder.finish()
}

const numbers = (values: readonly number[]): Value[] =>
  values.map((value) => ({ type: "number", name: "a", value }))

describe("createDecoder()", () => {
  test("returns every flag, number and text that the encoder was given", () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 200 }), (values) => {
        expect(codeAll(createDecoder(encode(values)), values, true)).toEqual(values.map(({ value }) => value))
      }),
      { numRuns: 500 },
    )
  })
})

describe("createEncoder()", () => {
  test("refuses numbers that the decoder could not return", () => {
    for (const number of [-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => createEncoder().number("a", number)).toThrow(RangeError)
  })

  test("takes almost no space for constant values, and hardly more than their bits for random ones", () => {
    expect(encode(numbers(Array.from({ length: 1000 }, () => 123_456))).length).toBeLessThan(2125 + 15)
    expect(encode(numbers(Array.from({ length: 1000 }, () => 3))).length).toBeLessThan(10)
    const flag: Value = { type: "flag", name: "a", value: true, context: 0 }
    const flags = Array.from({ length: 1000 }, () => flag)
    expect(encode(flags).length).toBeLessThan(4)
    // Sixteen values, so four bits.
    const random = Array.from({ length: 1000 }, (_, index) => 15 + ((index * 7919) % 16))
    expect(encode(numbers(random)).length).toBeLessThan(540)
  })
})
