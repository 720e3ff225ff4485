/**
 * The CPU time that CSV takes for a row, from the bytes of a page to the bytes of the file, beside a part of that way, and
 * beside JSON.parse and two libraries. The ways take turns, because other processes make all of them slower.
 */
import { csvFormatRows } from "d3-dsv"
import { unparse } from "papaparse"
import { createCsvFile } from "../../src/exports/formats/csv/csv-file.ts"
import { createFieldColumns } from "../../src/exports/formats/csv/field-columns.ts"
import { createMailchimpColumns } from "../../src/exports/formats/csv/mailchimp-columns.ts"
import { readRow } from "../../src/exports/formats/csv/read-row.ts"
import { createRowWriter } from "../../src/lib/csv/write-row.ts"
import { createProjection } from "../../src/sandbox/api/partial-response.ts"
import { generateMembers } from "../../src/sandbox/members/generate-members.ts"
import { createInterestCategories } from "../../src/sandbox/members/interests.ts"
import { createRandom } from "../../src/sandbox/random.ts"
import { cellsOf, listOf } from "../support/csv-lists.ts"
import { median, number, printTable, sizeOf, spread } from "./support/table.ts"

const NEWLINE = 0x0a
const rounds = sizeOf("BENCH_RUNS", 15)
const count = sizeOf("BENCH_MEMBERS", 1000)
const list = listOf()
const interestCategories = createInterestCategories(list.id, [
  { title: "Topics", interests: [{ name: "Offers" }, { name: "Events, talks" }, { name: "News" }] },
])
const options = { count, imports: [], until: Date.parse("2024-05-01T12:00:00Z"), interestCategories }
const members = [...generateMembers(createRandom(1), list.id, options)].map(({ row }) => row)
const columns = createMailchimpColumns([{ ...list, interestCategories }])

/** A page with only the fields that the columns need, as they are requested from Mailchimp. */
const { apply } = createProjection(columns.memberFields.join(","), undefined, "members")
const page = Buffer.from(members.map((row) => `\n${JSON.stringify(apply(JSON.parse(row)))}`).join(""))
const rows = page.toString().slice(1).split("\n")
const parsed = rows.map((row) => JSON.parse(row))
const cells = parsed.map((member) => cellsOf(columns, member))
const boundaries = [...page.keys(), page.length].filter((at) => at === page.length || page[at] === NEWLINE)
const writeRow = createRowWriter("defused")
const csv = createCsvFile(columns)
const threeFields = createCsvFile(createFieldColumns(["email_address", "status", "merge_fields.FNAME"]))
const formulas = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/

const ways: Record<string, () => unknown> = {
  "bytes → objects, by JSON.parse": () =>
    page
      .toString()
      .slice(1)
      .split("\n")
      .map((row) => JSON.parse(row)),
  "bytes → where the values are": () => {
    for (const [index, start] of boundaries.slice(0, -1).entries())
      readRow(page, start + 1, boundaries[index + 1] ?? 0, columns.member)
  },
  "bytes → CSV": () => csv.rows(page),
  "bytes → CSV of three fields": () => threeFields.rows(page),
  "cells → bytes": () => Buffer.from(cells.map(writeRow).join("")),
  "cells → bytes by d3-dsv alone": () => Buffer.from(csvFormatRows(cells.map((row) => row.map(String)))),
  "cells → bytes by papaparse": () =>
    Buffer.from(unparse(cells, { newline: "\r\n", escapeFormulae: formulas })),
}

const measured = new Map<string, number[]>(Object.keys(ways).map((name) => [name, []]))
for (let round = -3; round < rounds; round += 1) {
  for (const [name, run] of Object.entries(ways)) {
    const start = process.cpuUsage()
    for (let repeat = 0; repeat < 20; repeat += 1) run()
    const { user, system } = process.cpuUsage(start)
    // The first rounds warm up.
    if (round >= 0) measured.get(name)?.push((user + system) / 20 / count)
  }
}
printTable(
  `CSV: CPU time for a row of ${number(page.length / count)} bytes and ${columns.names.length} columns, ${rounds} rounds`,
  ["", "µs, median (and the spread)", "rows in a CPU second"],
  [...measured].map(([name, us]) => [name, spread(us, "", 2), number(1e6 / median(us))]),
)
