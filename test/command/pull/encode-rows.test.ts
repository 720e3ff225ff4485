import { expect, test } from "bun:test"
import { createRowEncoder } from "../../../src/command/pull/encode-rows.ts"

const service = { baseUrl: "http://127.0.0.1", token: "t" }
const row = Buffer.from('{"full_name":"=1+1"}\n')

test.each([
  [{}, "full_name\r\n", "'=1+1\r\n"],
  [{ formulas: "raw" }, "full_name\r\n", "=1+1\r\n"],
  [{ bom: true }, "\uFEFFfull_name\r\n", "'=1+1\r\n"],
] as const)("CSV with %j", async (options, header, rows) => {
  const encoder = await createRowEncoder({ format: "csv", fields: ["full_name"], ...options }, service)
  expect([encoder.header, Buffer.from(encoder.encode(row)).toString()]).toEqual([header, rows])
})
