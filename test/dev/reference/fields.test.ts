import { expect, test } from "bun:test"
import { fieldTable, typeOf } from "../../../src/dev/reference/fields.ts"

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

test("fieldTable() shows the fields of nested objects by their path, and which are optional", () => {
  const item = { type: "object", properties: { id: { ...text, description: "a | b" } }, required: ["id"] }
  const schema = {
    type: "object",
    properties: { lists: { type: "array", items: item, required: [] }, name: text },
    required: ["lists"],
  }
  expect(fieldTable(schema)).toBe(`\
| field        | type             | description |
| ------------ | ---------------- | ----------- |
| \`lists\`      | array of objects |             |
| \`lists[].id\` | string           | a \\| b      |
| \`name\`       | string, optional |             |`)
})

test("fieldTable() is empty for an object without known fields", () => {
  expect(fieldTable({ type: "object", required: [] })).toBe("")
})
