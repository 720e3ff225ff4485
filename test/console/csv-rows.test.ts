import { expect, test } from "bun:test"
import { createCsvRowCounter } from "../../src/console/csv-rows.ts"

function count(csv: string, chunk: number): number {
  const rowsIn = createCsvRowCounter()
  const bytes = new TextEncoder().encode(csv)
  let rows = 0
  for (let at = 0; at < bytes.length; at += chunk) rows += rowsIn(bytes.subarray(at, at + chunk))
  return rows
}

test.each([1, 3, 1000])("the rows of a CSV are counted in chunks of %d bytes", (chunk) => {
  expect(count("\uFEFFEmail,Notes\r\n", chunk)).toBe(0)
  expect(count("Email,Notes\r\na@x.org,\r\nb@x.org,\r\n", chunk)).toBe(2)
  expect(count('"E\r\nmail",Notes\r\na,"two\r\nlines, ""quoted""\n"\r\nb,""\r\nc,\r\n', chunk)).toBe(3)
})
