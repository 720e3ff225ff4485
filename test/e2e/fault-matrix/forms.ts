import { parse } from "papaparse"

/** A row of an export, and the key of its member: a later row of a member replaces an earlier one. */
export type Row = { readonly key: string; readonly text: string }

/** A format in which an export is read. */
export type Form = {
  readonly name: string
  readonly query: string
  readonly hasEvents: boolean
  /** The rows of a body, which may have been truncated. */
  rows(body: string): readonly Row[]
  /** A member as its row in this format, from its line of NDJSON. */
  toRow(line: string): Row
}

// A space after a row keeps the connection alive.
const ofLine = (line: string): Row => ({ key: JSON.parse(line).id, text: line.trim() })
const ofMember = (member: { readonly id: string }): Row => ({ key: member.id, text: JSON.stringify(member) })
const ofLines = (body: string): readonly Row[] => linesOf(body).filter(isRow).map(ofLine)
const ofCells = (cells: readonly (string | undefined)[]): Row => ({
  key: cells[0] ?? "",
  text: cells.join(),
})

export const forms: readonly Form[] = [
  { name: "ndjson", query: "format=ndjson", hasEvents: false, rows: ofLines, toRow: ofLine },
  {
    name: "ndjson with events",
    query: "format=ndjson&events=true",
    hasEvents: true,
    rows: ofLines,
    toRow: ofLine,
  },
  {
    name: "json",
    query: "format=json",
    hasEvents: false,
    rows: (body) => JSON.parse(body).data.map(ofMember),
    toRow: (line) => ofMember(JSON.parse(line)),
  },
  {
    name: "csv",
    query: "format=csv",
    hasEvents: false,
    rows: (body) =>
      parse<Record<string, string>>(body, { header: true, newline: "\r\n", skipEmptyLines: true }).data.map(
        (cells) => ofCells([cells["EUID"], cells["Email Address"], cells["Points"], cells["STATUS"]]),
      ),
    toRow: (line) => {
      const { unique_email_id, email_address, merge_fields, status } = JSON.parse(line)
      return ofCells([unique_email_id, email_address, String(merge_fields.POINTS), status])
    },
  },
]

/** The whole lines: the last one may be truncated. */
export function linesOf(body: string): readonly string[] {
  return body.split("\n").slice(0, -1)
}

function isRow(line: string): boolean {
  return line !== "" && !line.startsWith('{"$export":')
}
