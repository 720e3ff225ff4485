import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { csvParseRows } from "d3-dsv"
import { join } from "node:path"
import { parse } from "papaparse"
import { hasPython, pythonWith } from "../support/python.ts"
import { readCsvWithPython } from "../support/read-csv-with-python.ts"
import { startSandboxAndService } from "../support/sandbox-and-service.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"
import { hostileCells } from "../support/hostile-cells.ts"

const members = hostileCells.map((text, index) => ({
  email_address: `cell.${index}@example.com`,
  merge_fields: { FNAME: text },
  source: text,
  tags: [{ id: index, name: text }],
}))
const pair = await startSandboxAndService({ lists: [{ name: "Hostile", count: 50, hostile: true, members }] })
const folder = temporaryFolder()
afterAll(async () => {
  await pair[Symbol.asyncDispose]()
  folder.remove()
})

const fields = ["email_address", "merge_fields.FNAME", "merge_fields.LNAME", "source", "last_changed"]
/** No UTF-8 has a lone surrogate, so a reader sees the replacement character. */
const textOf = (value: unknown) => String(value ?? "").toWellFormed()
const truth = () =>
  [
    fields,
    ...pair
      .liveRows()
      .map((row) => JSON.parse(row))
      .map((member) =>
        [
          member.email_address,
          member.merge_fields.FNAME,
          member.merge_fields.LNAME,
          member.source,
          member.last_changed,
        ].map(textOf),
      ),
  ].toSorted(byText)
const byText = (one: readonly string[], other: readonly string[]) =>
  JSON.stringify(one) < JSON.stringify(other) ? -1 : 1

/** Runs a program in Python that prints JSON. */
async function runPython(packages: readonly string[], program: string, cwd: string) {
  const python = await pythonWith(...packages)
  const child = Bun.spawn([python, "-c", program], { cwd, stdout: "pipe", stderr: "inherit" })
  return JSON.parse(await child.stdout.text())
}

describe("hostile members in a CSV are read back equal to the truth", () => {
  let text: string
  let file: string
  beforeAll(async () => {
    const response = await pair.get(`/export?format=csv&formulas=raw&fields=${fields.join(",")}`)
    text = await response.text()
    file = join(folder.path, "members.csv")
    await Bun.write(file, text)
  })

  test("by papaparse", () => {
    const { data } = parse<string[]>(text, { delimiter: ",", newline: "\r\n", skipEmptyLines: true })
    expect(data.toSorted(byText)).toEqual(truth())
  })

  test("by d3-dsv", () => {
    expect(csvParseRows(text).toSorted(byText)).toEqual(truth())
  })

  test.skipIf(!hasPython)("by Python's csv", async () => {
    expect((await readCsvWithPython(text)).toSorted(byText)).toEqual(truth())
  })

  test.skipIf(!hasPython)(
    "by DuckDB",
    async () => {
      const program = `
import duckdb, json
rows = duckdb.sql("""select * from read_csv('members.csv', header = true, all_varchar = true, delim = ',', quote = '"', escape = '"',
  max_line_size = 16777216)""")
print(json.dumps([rows.columns] + [["" if cell is None else cell for cell in row] for row in rows.fetchall()]))`
      const read: string[][] = await runPython(["duckdb==2.0.1"], program, folder.path)
      expect(read.toSorted(byText)).toEqual(truth())
    },
    120_000,
  )
})
