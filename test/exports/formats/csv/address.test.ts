import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { createMailchimpColumns } from "../../../../src/exports/formats/csv/mailchimp-columns.ts"
import { createCsvFile } from "../../../../src/exports/formats/csv/csv-file.ts"
import { addressParts, toMergeCell } from "../../../../src/exports/formats/csv/values.ts"
import { createCellWriter } from "../../../../src/lib/csv/write-row.ts"
import { listOf } from "../../../support/csv-lists.ts"

const columns = createMailchimpColumns([
  listOf({ mergeFields: [{ tag: "ADDRESS", name: "Address", type: "address" }] }),
])
const csv = createCsvFile(columns)
csv.start()
csv.endRow()

/** The row of a member with this address. */
function rowOf(address: unknown): string {
  const json = JSON.stringify({ email_address: "a@b.c", merge_fields: { ADDRESS: address }, tags: [] })
  return Buffer.concat([csv.rows(Buffer.from(`\n${json}`)), csv.endRow()]).toString()
}

/** The same row, with the address as a parser reads it. */
function expectedRowOf(address: unknown): string {
  const cell = createCellWriter("defused")(toMergeCell(JSON.parse(JSON.stringify(address))))
  return `a@b.c,,,${cell}${",".repeat(columns.names.length - 4)}\r\n`
}

const part = fc.oneof(
  fc.constantFrom(
    "",
    "London",
    "12 High Street",
    " ",
    "=1+1",
    "-5",
    'the "Inn"',
    "a,b",
    "a;=1",
    "\u00fc",
    "\n",
  ),
  fc.constantFrom(null, 0, 12, true, [], {}, ["x"], { addr1: "x" }),
)
const address = fc.dictionary(fc.constantFrom(...addressParts, "street", "constructor"), part)

describe("an address", () => {
  test("property: is written as if it were parsed", () => {
    fc.assert(
      fc.property(fc.oneof(address, part), (address) => {
        expect(rowOf(address)).toBe(expectedRowOf(address))
      }),
      { numRuns: 500 },
    )
  })

  test("of plain parts is one cell, without those that are empty or missing", () => {
    expect(rowOf({ country: "GB", addr1: "12 High Street", addr2: "", city: "London" })).toStartWith(
      "a@b.c,,,12 High Street  London  GB,",
    )
  })

  test("with a dangerous part is defused, and quoted", () => {
    expect(rowOf({ addr1: "=1+1", city: "a,b" })).toStartWith(`a@b.c,,,"'=1+1  a,b",`)
  })

  test("of a member does not stay for the next member", () => {
    rowOf({ addr1: "12 High Street", city: "London" })
    expect(rowOf({ city: "Bonn" })).toStartWith("a@b.c,,,Bonn,")
    expect(rowOf("")).toStartWith("a@b.c,,,,")
  })
})
