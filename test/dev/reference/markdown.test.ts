import { expect, test } from "bun:test"
import { fieldTable } from "../../../src/dev/reference/markdown.ts"

const text = { type: "string", required: [] }

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
