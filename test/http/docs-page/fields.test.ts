import { expect, test } from "bun:test"
import { typeOf } from "../../../src/http/docs-page/fields.ts"

const text = { type: "string", required: [] }

test.each([
  ["string", text],
  ["date-time or null", { type: ["string", "null"], format: "date-time", required: [] }],
  ["integer from 1 to 1000", { type: "integer", minimum: 1, maximum: 1000, required: [] }],
  ["integer", { type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER, required: [] }],
  ["`a` or `b`", { ...text, enum: ["a", "b"] }],
  ["string", { ...text, enum: [..."abcdefghi"] }],
  ["`end`", { ...text, enum: ["end"] }],
  ["array of string", { type: "array", items: text, required: [] }],
])("typeOf() says %s", (words, schema) => {
  expect(typeOf(schema)).toBe(words)
})
