import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { parse } from "papaparse"
import { createCsvBeginning } from "../../../../src/exports/formats/csv/beginning.ts"
import type { FileColumns } from "../../../../src/exports/formats/csv/columns.ts"
import type { CsvOptions } from "../../../../src/exports/formats/csv/csv-options.ts"
import { createCsvFile } from "../../../../src/exports/formats/csv/csv-file.ts"
import { createFieldColumns } from "../../../../src/exports/formats/csv/field-columns.ts"
import { createMailchimpColumns } from "../../../../src/exports/formats/csv/mailchimp-columns.ts"
import { createRandom } from "../../../../src/sandbox/random.ts"
import { createHostileMembers } from "../../../../src/sandbox/members/hostile-members.ts"
import { createMember, type MemberInput } from "../../../../src/sandbox/members/create-member.ts"
import { generateMembers } from "../../../../src/sandbox/members/generate-members.ts"
import { createInterestCategories } from "../../../../src/sandbox/members/interests.ts"
import { cellsOf, listOf, usualMergeFields } from "../../../support/csv-lists.ts"
import { hostileCells } from "../../../support/hostile-cells.ts"
import { hasPython, readCsvWithPython } from "../../../support/read-csv-with-python.ts"

const listId = "a1b2c3d4e5"
const columns = createFieldColumns(["id", "full_name"])

/** Rows as the scan sends them: each after a newline. */
function toRows(members: readonly object[]): Buffer {
  return Buffer.from(members.map((member) => `\n${JSON.stringify(member)}`).join(""))
}

/** The output of a format for these steps: rows, or a moment with nothing to send. */
function write(format: ReturnType<typeof createCsvFile>, ...steps: (Uint8Array | "alive")[]): string {
  const parts = [
    format.start(),
    ...steps.map((step) => (step === "alive" ? format.keepAlive() : format.rows(step))),
    format.end(),
  ]
  return Buffer.concat(parts).toString()
}

function writeFields(members: readonly object[], options?: CsvOptions): string {
  return write(createCsvFile(columns, options), toRows(members))
}

const company = { tag: "COMPANY", name: "Company", type: "text" }
const interestCategories = createInterestCategories(listId, [
  { title: "Pets", interests: [{ name: "Cats" }, { name: "Dogs, large" }] },
])

function inventMembers(): Record<string, unknown>[] {
  const options = { count: 200, imports: [], until: Date.parse("2024-05-01T12:00:00Z"), interestCategories }
  return [...generateMembers(createRandom(1), listId, options)].map(({ row }) => JSON.parse(row))
}

function toMember(input: MemberInput, index: number): Record<string, unknown> {
  return createMember(input, listId, index, 0)
}

function toMemberNamed(text: string, index: number): Record<string, unknown> {
  const input = { email_address: text, merge_fields: { FNAME: text }, tags: [{ id: 1, name: text }] }
  return toMember(input, index)
}

/** The cells as a reader of UTF-8 sees them: it has no lone surrogates. */
function textsOf(columns: FileColumns, member: object): string[] {
  return cellsOf(columns, member).map((cell) => String(cell ?? "").toWellFormed())
}

function thrownBy(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return error
  }
}

describe("createCsvFile()", () => {
  test("is a header and one row per member", () => {
    const text = writeFields([{ id: "a", full_name: "Ada" }, { full_name: 'The "B"', id: "b" }, {}])
    expect(text).toBe('id,full_name\r\na,Ada\r\nb,"The ""B"""\r\n,\r\n')
    expect(writeFields([])).toBe("id,full_name\r\n")
  })

  test("defuses formulas, also in the header, unless told not to", () => {
    const member = { merge_fields: { FNAME: "=1+1" } }
    const named = createMailchimpColumns([
      listOf({ mergeFields: [{ tag: "FNAME", name: "@SUM", type: "text" }] }),
    ])
    const defused = write(createCsvFile(named), toRows([member]))
    expect(defused).toStartWith("Email Address,SMS Phone Number,SMS_MARKETING_STATUS,'@SUM,")
    expect(defused).toContain("\r\n,,,'=1+1,")
    expect(write(createCsvFile(named, { formulas: "raw" }), toRows([member]))).toContain("\r\n,,,=1+1,")
  })

  test("begins with a byte order mark if asked to", () => {
    expect(writeFields([], { bom: true })).toBe("\ufeffid,full_name\r\n")
  })

  test("sends a byte at a time while nothing comes, and the same file in the end", () => {
    const members = Array.from({ length: 20 }, (_, index) => ({ id: `${index}`, full_name: "Zoë" }))
    const [first, second] = [toRows(members.slice(0, 9)), toRows(members.slice(9))]
    const silent = Array.from({ length: 5 }, () => "alive" as const)
    const text = write(createCsvFile(columns), ...silent, first, ...silent, "alive", second, ...silent)
    expect(text).toBe(writeFields(members))
  })

  test("has a byte to send for ten minutes after any row", () => {
    const csv = createCsvFile(createFieldColumns(["vip", "full_name", "email_address"]))
    csv.start()
    csv.rows(toRows(Array.from({ length: 9 }, () => ({ vip: true, full_name: "", email_address: "a@b.c" }))))
    for (let piece = 0; piece < 60; piece += 1) expect(csv.keepAlive()).toHaveLength(1)
  })

  test("a failure ends the last row", () => {
    const csv = createCsvFile(columns)
    const parts = [
      csv.start(),
      csv.rows(toRows([{ id: "a", full_name: "Ada" }])),
      csv.keepAlive(),
      csv.broken(),
    ]
    expect(Buffer.concat(parts).toString()).toBe("id,full_name\r\na,Ada\r\n")
  })

  test("a row that cannot be written leaves the rows before it whole", () => {
    const csv = createCsvFile(columns)
    const parts = [csv.start(), csv.rows(toRows([{ id: "a", full_name: "Ada" }]))]
    expect(() => csv.rows(toRows([{ id: "b" }, []]))).toThrow()
    expect(Buffer.concat([...parts, csv.broken()]).toString()).toBe("id,full_name\r\na,Ada\r\n")
  })

  test("continues after a beginning that was sent while the columns were read", () => {
    for (const options of [{}, { bom: true }, { formulas: "raw" as const }]) {
      for (const pieces of [0, 1, 4, 50]) {
        const beginning = createCsvBeginning("id", options)
        const sent = Array.from({ length: pieces }, () => beginning.piece())
        const csv = createCsvFile(columns, { ...options, sentBytes: beginning.sentBytes() })
        expect(Buffer.concat([...sent, csv.start(), csv.end()]).toString()).toBe(writeFields([], options))
      }
    }
  })

  test("refuses a row that is not a JSON object, without quoting it", () => {
    for (const row of ['\n{"email_address":"ada@example.com"', "\nada@example.com", "\n[1]", "\n5"]) {
      const csv = createCsvFile(columns)
      const error = thrownBy(() => csv.rows(Buffer.from(row)))
      expect(error).toMatchObject({ code: "mailchimp_error", cause: undefined })
      expect(String(error)).not.toContain("ada")
    }
  })

  test.skipIf(!hasPython)("two independent readers read invented and hostile members back", async () => {
    const members = [
      ...inventMembers(),
      ...createHostileMembers().map(toMember),
      ...hostileCells.map(toMemberNamed),
    ]
    const columns = createMailchimpColumns([
      listOf({ mergeFields: [...usualMergeFields, company], interestCategories }),
    ])
    const text = write(createCsvFile(columns, { formulas: "raw" }), toRows(members))
    const truth = [[...columns.names], ...members.map((member) => textsOf(columns, member))]
    expect(parse(text, { delimiter: ",", newline: "\r\n", skipEmptyLines: true }).data).toEqual(truth)
    expect(await readCsvWithPython(text)).toEqual(truth)
  })

  test("property: whatever a member's values are, it is one row that is read back", () => {
    fc.assert(
      fc.property(
        fc.array(fc.dictionary(fc.constantFrom("id", "full_name", "tags"), fc.jsonValue()), { minLength: 1 }),
        (members) => {
          const columns = createFieldColumns(["id", "full_name", "tags", "tags.name"])
          const text = write(createCsvFile(columns, { formulas: "raw" }), toRows(members))
          const truth = [[...columns.names], ...members.map((member) => textsOf(columns, member))]
          expect(parse(text, { delimiter: ",", newline: "\r\n" }).data.slice(0, -1)).toEqual(truth)
        },
      ),
      { numRuns: 500 },
    )
  })
})
