import type { JsonSchema } from "../../http/docs-page/document.ts"
import { fieldRows } from "../../http/docs-page/fields.ts"

/** A Markdown table, padded as the formatter would pad it. Without rows there is no table. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return ""
  const lines = [head, ...rows.map((row) => row.map(escapeCell))]
  const widths = head.map((_, column) => Math.max(3, ...lines.map((line) => (line[column] ?? "").length)))
  const write = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? "").padEnd(width)).join(" | ")} |`
  const rule = write(widths.map((width) => "-".repeat(width)))
  const [first = [], ...others] = lines
  return [write(first), rule, ...others.map(write)].join("\n")
}

/** The fields of an object and of the objects in it, one per line. */
export function fieldTable(schema: JsonSchema): string {
  const rows = fieldRows(schema).map(({ path, type, description }) => [code(path), type, description])
  return table(["field", "type", "description"], rows)
}

/** Text in the type of code. */
export function code(text: string): string {
  return `\`${text}\``
}

/** Text that ends with a full stop, unless it is empty. */
export function sentence(text: string): string {
  return text === "" || text.endsWith(".") ? text : `${text}.`
}

/** Paragraphs, tables and headings, with an empty line between them; empty ones are left out. */
export function blocks(...parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join("\n\n")
}

function escapeCell(text: string): string {
  return text.replaceAll("|", String.raw`\|`).replaceAll("\n", " ")
}
