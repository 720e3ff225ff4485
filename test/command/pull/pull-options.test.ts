import { expect, test } from "bun:test"
import { parsePullOptions } from "../../../src/command/pull/pull-options.ts"
import { selectionKey } from "../../../src/command/pull/selection.ts"

test.each(["contacts.xlsx", "contacts.XLS", "contacts.ods"])("%s is no file that can be written", (out) => {
  expect(() => parsePullOptions({ out })).toThrow("use a name that ends in .csv")
  expect(parsePullOptions({ out, format: "csv" }).selection.format).toBe("csv")
})

test("--formulas and --bom are for CSV", () => {
  for (const option of [{ formulas: "raw" }, { bom: true }] as const) {
    expect(() => parsePullOptions({ out: "contacts.ndjson", ...option })).toThrow("are for CSV")
    expect(parsePullOptions({ out: "contacts.csv", ...option }).selection).toMatchObject(option)
  }
})

test("a file with raw formulas is continued only with raw formulas", () => {
  const keyOf = (formulas?: "raw" | "defused") =>
    selectionKey(parsePullOptions({ out: "contacts.csv", formulas }).selection)
  expect(keyOf("defused")).toBe(keyOf())
  expect(keyOf("raw")).not.toBe(keyOf())
})
