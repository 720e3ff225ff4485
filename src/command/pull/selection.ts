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
export function selectionKey({ format, lists, fields, status, include, since }: Selection): string {
  return JSON.stringify([format, lists?.toSorted(), fields, status?.toSorted(), include, since])
}
