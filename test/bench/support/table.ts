/** Prints a table as Markdown, so that it can be read in a terminal and pasted into a document. */
export function printTable(
  title: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const lines = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? "").length)))
  const write = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? "").padEnd(width)).join(" | ")} |`
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`
  console.info(`\n### ${title}\n\n${[write(head), rule, ...rows.map(write)].join("\n")}`)
}

/** What was measured, and the most that it may be if there is a promise. */
export const measuredHead = ["", "measured", "at most"] as const

/** The median with the spread: `12.3 ms (11.9–14.0)`. */
export function spread(values: readonly number[], unit = "", digits = 1): string {
  const least = number(Math.min(...values), digits)
  const most = number(Math.max(...values), digits)
  return `${number(median(values), digits)}${unit} (${least}–${most})`
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? 0
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? 0
  return (lower + upper) / 2
}

export function number(value: number, digits = 0): string {
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** A size of a benchmark, which an environment variable may change. */
export function sizeOf(name: string, size: number): number {
  return Number(process.env[name] ?? size)
}
