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

test("rows after longer ones are encoded alone", async () => {
  const encoder = await createRowEncoder({ format: "csv", fields: ["full_name"] }, service)
  const encode = (...names: readonly string[]) => {
    const rows = names.map((name) => `{"full_name":"${name}"}\n`).join("")
    return Buffer.from(encoder.encode(Buffer.from(rows))).toString()
  }
  expect([encode("Ada Lovelace", "Bo"), encode("Cy")]).toEqual(["Ada Lovelace\r\nBo\r\n", "Cy\r\n"])
})
