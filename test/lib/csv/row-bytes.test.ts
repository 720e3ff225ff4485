import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { plainTextEnd } from "../../../src/lib/csv/plain-text.ts"
import { createRowBytes } from "../../../src/lib/csv/row-bytes.ts"
import { createRowWriter } from "../../../src/lib/csv/write-row.ts"
import { hostileCells } from "../../support/hostile-cells.ts"

const cell = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'=+-@\uff1d\uff20";,\r\n\t ab1é') }),
  fc.string({ unit: "grapheme" }),
  fc.string({ maxLength: 100 }),
)

/** Writes texts in each way that a cell may be added. */
function write(rows: readonly (readonly string[])[], formulas: "defused" | "raw"): string {
  const file = createRowBytes(formulas)
  for (const row of rows) {
    for (const [index, text] of row.entries()) {
      const bytes = Buffer.from(`"${text}"`)
      const end = plainTextEnd(bytes, 1)
      if (end === bytes.length - 1) file.copyText(bytes, 1, end)
      else if (index % 2 === 0) file.add(text)
      else file.addRepeated(text)
      file.endCell()
    }
    file.endRow()
  }
  return Buffer.from(file.take()).toString()
}

describe("createRowBytes()", () => {
  test("property: writes the same bytes as createRowWriter(), and copies only text that needs no quotes", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(cell, { minLength: 1, maxLength: 5 }), { maxLength: 6 }),
        fc.constantFrom("defused" as const, "raw" as const),
        (rows, formulas) => {
          expect(write(rows, formulas)).toBe(rows.map(createRowWriter(formulas)).join("").toWellFormed())
        },
      ),
      { numRuns: 1000 },
    )
    for (const formulas of ["defused", "raw"] as const) {
      const rows = hostileCells.map((text) => [text, "", text])
      expect(write(rows, formulas)).toBe(rows.map(createRowWriter(formulas)).join("").toWellFormed())
    }
  })

  test("a row of one empty cell, or of none, has quotes", () => {
    const file = createRowBytes("defused")
    file.endCell()
    file.endRow()
    file.endRow()
    file.endCell()
    file.endCell()
    file.endRow()
    expect(Buffer.from(file.take()).toString()).toBe('""\r\n""\r\n,\r\n')
  })

  test("grows with its rows, and begins anew after they were taken", () => {
    const file = createRowBytes("defused")
    const long = Buffer.alloc(300_000, "a")
    file.copy(long, 0, long.length)
    file.endCell()
    file.add("é".repeat(300_000))
    file.endCell()
    file.endRow()
    const first = file.take()
    file.add(5)
    file.endCell()
    file.endRow()
    expect(Buffer.from(file.take()).toString()).toBe("5\r\n")
    expect(Buffer.from(first).toString()).toBe(`${long.toString()},${"é".repeat(300_000)}\r\n`)
    expect(file.take()).toHaveLength(0)
  })
})
