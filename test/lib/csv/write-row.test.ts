import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { parse } from "papaparse"
import { byteOrderMark, createRowWriter } from "../../../src/lib/csv/write-row.ts"
import { hostileCells } from "../../support/hostile-cells.ts"
import { hasPython, readCsvWithPython } from "../../support/read-csv-with-python.ts"

const signs = ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"]

const formula = /^[=+\-@\uff1d\uff0b\uff0d\uff20]/

/** Text in which the characters that CSV and spreadsheets treat specially are frequent. */
const cell = fc.oneof(
  fc.string({ unit: fc.constantFrom(...signs, ...'";,\r\n\t ab1') }),
  fc.string({ unit: "grapheme" }),
)
const rows = fc
  .integer({ min: 1, max: 5 })
  .chain((width) =>
    fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 6 }),
  )

function write(rows: readonly (readonly string[])[], formulas: "defused" | "raw"): string {
  return rows.map(createRowWriter(formulas)).join("")
}

/** Reads cells and quotes as Excel and Python do: quotes in the middle of a cell are text. */
function read(text: string, delimiter: "," | ";"): string[][] {
  const rows: string[][] = [[]]
  let cell = ""
  let isQuoted = false
  let isStart = true
  const endCell = () => {
    rows.at(-1)?.push(cell)
    cell = ""
    isStart = true
  }
  for (let index = 0; index < text.length; index += 1) {
    const letter = text[index] ?? ""
    if (isQuoted) {
      if (letter !== '"') cell += letter
      else if (text[index + 1] === '"') cell += text[(index += 1)] ?? ""
      else isQuoted = false
    } else if (letter === '"' && isStart) {
      isQuoted = true
      isStart = false
    } else if (letter === delimiter) endCell()
    else if (letter === "\r" || letter === "\n") {
      if (letter === "\r" && text[index + 1] === "\n") index += 1
      endCell()
      rows.push([])
    } else {
      cell += letter
      isStart = false
    }
  }
  return rows.slice(0, -1)
}

describe("createRowWriter()", () => {
  test("writes missing values as empty, and texts with separators, quotes or line breaks in quotes", () => {
    const write = createRowWriter("defused")
    expect(write(["a", null, undefined, "", 'say "hi"', "x,y", "one\ntwo", "\r", " b "])).toBe(
      'a,,,,"say ""hi""","x,y","one\ntwo","\'\r", b \r\n',
    )
  })

  test("writes numbers and booleans as they are, because only texts can hold a formula", () => {
    expect(createRowWriter("defused")([-5, 0, 1e21, true, false, "-5"])).toBe("-5,0,1e+21,true,false,'-5\r\n")
  })

  test("quotes a single empty cell, because readers skip an empty line", () => {
    expect(createRowWriter("defused")([""])).toBe('""\r\n')
    expect(createRowWriter("raw")([undefined])).toBe('""\r\n')
    expect(createRowWriter("defused")(["", ""])).toBe(",\r\n")
  })

  test("puts an apostrophe before formulas at the beginning of a cell, after a semicolon and after a line break", () => {
    const write = createRowWriter("defused")
    for (const sign of [...signs, "\t"]) expect(write([`${sign}1`, "b"])).toBe(`'${sign}1,b\r\n`)
    expect(write(["a;=1", "a;;@b", 'a;"=1"'])).toBe(`a;'=1,a;;'@b,"a;'""=1"""\r\n`)
    expect(write(["a\n=1", "a\r\n-b", "a\n b"])).toBe(`"a\n'=1","a\r\n'-b","a\n b"\r\n`)
    expect(write(["a=1", "a-b; c", "a, =1"])).toBe('a=1,a-b; c,"a, =1"\r\n')
  })

  test("leaves formulas if asked to", () => {
    expect(createRowWriter("raw")(["+1555", "=1", "a;=1", "a,b"])).toBe('+1555,=1,a;=1,"a,b"\r\n')
  })

  test.skipIf(!hasPython)("two independent parsers read hostile cells back as they were", async () => {
    const table = hostileCells.map((text) => ["before", text, "after"])
    const text = write(table, "raw")
    expect(parse(text, { delimiter: ",", newline: "\r\n", skipEmptyLines: true }).data).toEqual(table)
    expect(await readCsvWithPython(text)).toEqual(table)
    expect(await readCsvWithPython(byteOrderMark + text)).toEqual(
      table.with(0, [`${byteOrderMark}before`, ...table[0]!.slice(1)]),
    )
  })

  test.skipIf(!hasPython)("defusing changes nothing but apostrophes before signs", async () => {
    const table = hostileCells.map((text) => [text, text])
    const read = await readCsvWithPython(write(table, "defused"))
    expect(read).toHaveLength(table.length)
    for (const [index, cells] of read.entries())
      for (const cell of cells)
        expect(cell.replaceAll(/(?<=^|[;\r\n])'(?="*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])/g, "")).toBe(
          hostileCells[index]!,
        )
  })

  test.skipIf(!hasPython)("Python reads no formula, neither with commas nor with semicolons", async () => {
    const text = write(
      hostileCells.map((text) => ["x", text, text]),
      "defused",
    )
    for (const delimiter of [",", ";"]) {
      const cells = (await readCsvWithPython(text, delimiter)).flat()
      expect(cells.filter((cell) => formula.test(cell))).toEqual([])
    }
  })

  test("property: any cells are read back, however they were mixed", () => {
    fc.assert(
      fc.property(rows, (rows) => {
        expect(read(write(rows, "raw"), ",")).toEqual(rows)
        const parsed = parse(write(rows, "raw"), { delimiter: ",", newline: "\r\n" }).data
        expect(parsed.slice(0, -1)).toEqual(rows)
      }),
      { numRuns: 2000 },
    )
  })

  test("property: no cell is a formula, read with commas or with semicolons", () => {
    fc.assert(
      fc.property(rows, (rows) => {
        const text = write(rows, "defused")
        const cells = [...read(text, ",").flat(), ...read(text, ";").flat()]
        expect(cells.filter((cell) => formula.test(cell))).toEqual([])
      }),
      { numRuns: 5000 },
    )
  })
})
