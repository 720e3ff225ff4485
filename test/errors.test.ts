import { expect, test } from "bun:test"
import { errorTable } from "../src/errors.ts"

test("the README lists every code with its status", async () => {
  const readme = await Bun.file(new URL("../README.md", import.meta.url)).text()
  const rows = readme.split("\n").filter((line) => /^\| \d{3}/.test(line))
  for (const [code, { status }] of Object.entries(errorTable)) {
    const row = rows.find((line) => line.includes(`\`${code}\``))
    expect(row ?? "", code).toContain(String(status))
  }
})
