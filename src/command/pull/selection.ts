import type { ExportOptions } from "../../client/export-options.ts"
import type { MemberStatus } from "../../client/member.ts"

/** What a file contains. A cursor continues with the same selection only. */
export type Selection = {
  readonly format: "ndjson" | "csv"
  readonly lists?: readonly string[] | undefined
  readonly fields?: readonly string[] | undefined
  readonly status?: readonly MemberStatus[] | undefined
  readonly include?: "archived" | undefined
  /** Only members changed after this time. */
  readonly since?: string | undefined
  /** CSV only. By default a value that a spreadsheet would run as a formula has an apostrophe before it. */
  readonly formulas?: "defused" | "raw" | undefined
  /** CSV only: the file begins with a byte order mark, for Excel. */
  readonly bom?: boolean | undefined
}

export function toExportOptions({
  lists,
  fields,
  status,
  include,
  since,
}: Selection): Partial<ExportOptions> {
  return { lists, fields, status, include, since }
}

/** The same text for the same selection. */
export function selectionKey({ format, lists, fields, status, include, since, formulas }: Selection): string {
  const raw = formulas === "raw" ? [formulas] : []
  return JSON.stringify([format, lists?.toSorted(), fields, status?.toSorted(), include, since, ...raw])
}
