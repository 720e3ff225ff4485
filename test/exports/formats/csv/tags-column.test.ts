import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { createCsvFile } from "../../../../src/exports/formats/csv/csv-file.ts"
import { createFields } from "../../../../src/exports/formats/csv/fields.ts"
import { toColumns } from "../../../../src/exports/formats/csv/columns.ts"
import { createTagsColumn } from "../../../../src/exports/formats/csv/tags-column.ts"
import { toTagsCell } from "../../../../src/exports/formats/csv/values.ts"
import { createRowWriter } from "../../../../src/lib/csv/write-row.ts"

const member = createFields()
const csv = createCsvFile({ member, ...toColumns([createTagsColumn(member)]) })

/** The row of a member with these tags alone. */
function rowOf(tags: unknown): string {
  const row = Buffer.from(`\n${JSON.stringify({ tags })}`)
  return Buffer.concat([csv.rows(row), csv.endRow()]).toString()
}

const name = fc.oneof(
  fc.constantFrom("VIP", "", "café", "=1+1", "a,b", "a;=1", 'the "Inn"', "\n", "back\\slash"),
  fc.constantFrom(null, 0, true, ["x"]),
)
const tag = fc.oneof(
  fc.record({ name }),
  fc.record({ id: fc.nat(), name }),
  fc.constantFrom({}, "VIP", null, { name: "a", id: 1 }),
)

describe("the column of the tags", () => {
  test("property: is written as if the tags were parsed", () => {
    fc.assert(
      fc.property(fc.oneof(fc.array(tag, { maxLength: 4 }), name), (tags) => {
        expect(rowOf(tags)).toBe(createRowWriter("defused")([toTagsCell(tags)]))
      }),
      { numRuns: 500 },
    )
  })

  test("has each name in quotes", () => {
    expect(rowOf([{ name: "VIP" }, { name: "Blog" }])).toBe('"""VIP"",""Blog"""\r\n')
    expect(rowOf([])).toBe('""\r\n')
  })
})
