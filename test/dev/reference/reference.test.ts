import { expect, test } from "bun:test"
import { readMetrics, readOpenApi } from "../../../src/dev/reference/read-openapi.ts"
import { toReference } from "../../../src/dev/reference/reference.ts"
import { errorTable } from "../../../src/errors.ts"

const page = await Bun.file(new URL("../../../docs/reference.md", import.meta.url)).text()

test("docs/reference.md matches the routes, event lines and codes: regenerate it with `bun run docs`", async () => {
  expect(page).toBe(toReference(await readOpenApi(), await readMetrics()))
})

test("each code has a section of its own, with its status, at the anchor that a problem's type names", () => {
  for (const [code, { status }] of Object.entries(errorTable))
    expect(sectionOf(`\`${code}\``), code).toMatch(new RegExp(`^\\*\\*${status} .*\\. .*\\.$`))
})

test("each event line of the example in docs/exports.md has a section with all of its fields", async () => {
  const exports = await Bun.file(new URL("../../../docs/exports.md", import.meta.url)).text()
  const lines = exports.split("\n").filter((line) => line.startsWith('{"$export":'))
  expect(lines.length).toBe(12)
  for (const line of lines) {
    const kind = /"\$export":"(\w+)"/.exec(line)?.[1] ?? ""
    for (const [, field = ""] of line.matchAll(/[{,]"(\w+)":/g))
      expect(sectionOf(kind), `${kind}: ${field}`).toMatch(new RegExp(`[\`.]${field}\``))
  }
})

/** The text between a heading of the third level and the next heading. */
function sectionOf(heading: string): string {
  const rest = page.split(`\n### ${heading}\n`)[1] ?? ""
  return (rest.split(/\n##/)[0] ?? "").trim()
}
